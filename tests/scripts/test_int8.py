"""An int8 copy is kept, with its own calibration and metrics, if it is almost as accurate as the float32 model."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fer.datasets.synthetic import make_synthetic
from fer.paths import SHIPPED_BUNDLE
from fer.recognition.bundle import Bundle, load_bundle, write_bundle
from fer.recognition.int8_copy import INT8_FILE
from fer.runs.config import TrainConfig
from scripts import int8
from scripts.int8 import Verdict, add_int8


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """Return a bundle with the shipped float32 weights alone, and metrics on the synthetic faces it will be told."""
    folder = tmp_path / "bundle"
    shutil.copytree(SHIPPED_BUNDLE, folder)
    (folder / INT8_FILE).unlink(missing_ok=True)
    return write_bundle(replace(load_bundle(SHIPPED_BUNDLE), path=folder, int8=None))


@pytest.mark.training
@pytest.mark.parametrize("kept", [True, False])
def test_a_bundle_keeps_a_copy_that_loses_little(bundle: Bundle, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "loses_little", lambda _: kept)
    after, verdict = add_int8(bundle, make_synthetic(), TrainConfig(holdout=0.2))
    assert load_bundle(bundle.path) == after
    assert (after.served, after.hash, after.metrics) == ("model.onnx", bundle.hash, bundle.metrics)
    assert verdict.float32_accuracy == bundle.metrics["validation"]["accuracy"]
    if not kept:
        assert after == bundle and not (bundle.path / INT8_FILE).exists()
        assert "it isn't kept" in verdict.text
        return
    assert after.int8 is not None and set(after.files) == {*bundle.files, INT8_FILE}
    # Fitted on the held-out faces and measured on the others, not taken from the float32 model.
    assert after.int8.temperature not in (1.0, bundle.temperature)
    assert after.int8.sets is not None and after.int8.sets != bundle.sets
    assert after.int8.metrics["calibrated_on"] == "calibration"
    assert after.int8.metrics["validation"]["n"] == 140
    assert after.int8.metrics["validation"]["accuracy"] == verdict.int8_accuracy
    assert Verdict.of(after).size == (bundle.path / INT8_FILE).stat().st_size
    assert f"{verdict.int8_accuracy:.4f} against {verdict.float32_accuracy:.4f}" in verdict.text
