"""An int8 copy has a quarter of the size, the same inputs and outputs, and almost the same results."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from fer.datasets.synthetic import make_synthetic
from fer.paths import SHIPPED_BUNDLE
from fer.recognition.bundle import ONNX_FILE
from fer.training.quantize import quantize


@pytest.fixture(scope="module")
def int8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("int8") / "model.int8.onnx"
    quantize(SHIPPED_BUNDLE / ONNX_FILE, make_synthetic().images[:128, ..., None], target)
    return target


def session(file: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])


def test_it_is_small_and_has_the_same_inputs_and_outputs(int8: Path) -> None:
    assert int8.stat().st_size < 0.4 * (SHIPPED_BUNDLE / ONNX_FILE).stat().st_size
    before, after = session(SHIPPED_BUNDLE / ONNX_FILE), session(int8)
    for ends in ("get_inputs", "get_outputs"):
        assert [(end.name, end.type, end.shape[1:]) for end in getattr(before, ends)()] == [
            (end.name, end.type, end.shape[1:]) for end in getattr(after, ends)()
        ]


def test_its_predictions_are_almost_the_same(int8: Path) -> None:
    faces = make_synthetic().images[200:400, ..., None]
    exact, quantised = (
        session(file).run(["logits"], {"images": faces})[0] for file in (SHIPPED_BUNDLE / ONNX_FILE, int8)
    )
    assert (exact.argmax(1) == quantised.argmax(1)).mean() > 0.85
    assert np.corrcoef(exact.ravel(), quantised.ravel())[0, 1] > 0.97
    assert not np.array_equal(exact, quantised)


def test_it_accepts_any_number_of_faces(int8: Path) -> None:
    for n_faces in (1, 5):
        logits, maps = session(int8).run(["logits", "maps"], {"images": np.zeros((n_faces, 48, 48, 1), np.uint8)})
        assert logits.shape == (n_faces, 7)
        assert maps.shape[0] == n_faces
