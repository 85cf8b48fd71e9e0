"""int8 is served if it is almost as accurate and 1.5 times as fast; otherwise its file is removed."""

import shutil
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from fer.datasets.synthetic import make_synthetic
from fer.paths import SHIPPED_BUNDLE
from fer.recognition.bundle import ONNX_FILE, Bundle, load_bundle, write_bundle
from fer.runs.config import TrainConfig
from fer.training.quantize import INT8_FILE
from scripts import int8
from scripts.int8 import Verdict, add_int8


@pytest.mark.parametrize(
    ("lost", "times", "good"), [(0.0, 1.6, True), (0.0029, 1.51, True), (0.004, 3.0, False), (-0.01, 1.4, False)]
)
def test_accuracy_and_time_both_decide(lost: float, times: float, good: bool) -> None:
    verdict = Verdict(0.7, 0.7 - lost, times, 1.0)
    assert verdict.good == good
    assert ("not served" in verdict.text) != good


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """Return a bundle with the shipped weights, served as float32."""
    folder = tmp_path / "bundle"
    shutil.copytree(SHIPPED_BUNDLE, folder)
    (folder / INT8_FILE).unlink(missing_ok=True)
    values = load_bundle(SHIPPED_BUNDLE)
    return write_bundle(replace(values, path=folder, served=ONNX_FILE))


@pytest.mark.training
@pytest.mark.parametrize("good", [True, False])
def test_a_bundle_serves_the_chosen_file(bundle: Bundle, good: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Verdict, "good", property(lambda _: good))
    with mock.patch.object(int8, "_ROUNDS", 3):
        after, verdict = add_int8(bundle, make_synthetic(), TrainConfig(holdout=0.1))
    assert verdict.float32_ms > 0 and verdict.int8_ms > 0
    assert load_bundle(bundle.path) == after
    assert Verdict(**after.network["int8"]) == verdict
    if good:
        assert (after.served, set(after.files)) == (INT8_FILE, {*bundle.files, INT8_FILE})
        assert after.metrics["validation"]["accuracy"] == pytest.approx(verdict.int8_accuracy)
        assert after.hash != bundle.hash
    else:
        assert after == replace(bundle, network=after.network)
        assert not (bundle.path / INT8_FILE).exists()
