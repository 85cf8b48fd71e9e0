"""The model in `model/`: complete, within its limits, and as its card says."""

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import h5py
import numpy as np
import pytest

from fer.datasets.synthetic import make_synthetic
from fer.emotions import EMOTIONS
from fer.paths import SHIPPED_BUNDLE
from fer.recognition.bundle import KERAS_FILE, ONNX_FILE, Bundle, load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.weights import loses_little
from fer.runs.serving import PARITY, PARITY_FILE, parity_batch

LEAST_ACCURACY = 0.66  # on FER-2013's PublicTest, from a single crop
MOST_PARAMETERS = 1_500_000
MOST_ONNX_BYTES = 8_000_000


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return load_bundle(SHIPPED_BUNDLE)


@pytest.fixture(scope="module")
def card() -> dict[str, list[list[str]]]:
    """Return the rows of the card's tables, by their first cell."""
    rows: dict[str, list[list[str]]] = {}
    for line in (SHIPPED_BUNDLE / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| "):
            first, *others = (cell.strip().replace(",", "") for cell in line.strip("|").split("|"))
            rows.setdefault(first, []).append(others)
    return rows


def test_its_accuracy_on_real_faces_is_high_enough(shipped: Bundle) -> None:
    assert shipped.metrics["validation"]["accuracy"] >= LEAST_ACCURACY
    assert shipped.metrics["validation"]["n"] == shipped.data["splits"]["validation"] > 3000
    assert shipped.data["synthetic"] is False


def test_its_network_computes_the_same_as_keras(shipped: Bundle) -> None:
    expected = np.array(json.loads((SHIPPED_BUNDLE / PARITY_FILE).read_text())["logits"])
    logits = EmotionClassifier(replace(shipped, served=ONNX_FILE)).logits(parity_batch())
    np.testing.assert_allclose(logits, expected, rtol=0, atol=PARITY)


def test_its_int8_copy_loses_little_and_says_so(shipped: Bundle, card: dict[str, list[list[str]]]) -> None:
    assert shipped.served == ONNX_FILE and shipped.int8 is not None
    assert loses_little(shipped)
    for split in ("validation", "calibration"):
        values = shipped.int8.metrics[split]
        assert values["n"] == shipped.metrics[split]["n"]
        assert f"{values['accuracy']:.4f}" in card[f"{split} int8"][0]
    # Its own calibration: the same share of 'not sure' would be a coincidence of the float32 model's numbers.
    assert shipped.int8.temperature != shipped.temperature
    assert shipped.int8.quality is not None and shipped.int8.sets is not None


def test_its_int8_copy_almost_always_agrees(shipped: Bundle) -> None:
    faces = make_synthetic().images[..., None]
    exact, copy = (EmotionClassifier(one).logits(faces) for one in (shipped, shipped.with_int8_served()))
    assert (exact.argmax(1) == copy.argmax(1)).mean() > 0.9
    assert np.corrcoef(exact.ravel(), copy.ravel())[0, 1] > 0.98


def test_it_is_small(shipped: Bundle) -> None:
    assert shipped.network["parameters"] <= MOST_PARAMETERS
    for file in SHIPPED_BUNDLE.glob("*.onnx"):
        assert file.name in shipped.files and file.stat().st_size <= MOST_ONNX_BYTES, file


def test_its_keras_file_has_every_weight_and_no_optimizer(shipped: Bundle) -> None:
    """Read without Keras, whose import takes longer than all other tests here."""
    with zipfile.ZipFile(SHIPPED_BUNDLE / KERAS_FILE) as archive:
        config = json.loads(archive.read("config.json"))
        stored = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
    assert not config.get("compile_config")
    assert "optimizer" not in stored
    sizes: list[int] = []
    stored.visititems(lambda _, item: sizes.append(item.size) if isinstance(item, h5py.Dataset) else None)
    assert sum(sizes) == shipped.network["parameters"]


def test_every_number_of_its_card_comes_from_the_bundle(shipped: Bundle, card: dict[str, list[list[str]]]) -> None:
    splits = {name: values for name, values in shipped.metrics.items() if isinstance(values, dict)}
    assert splits
    for name, values in splits.items():
        low, high = values["accuracy_interval"]
        numbers = [values["accuracy"], values["macro_f1"], values["top2_accuracy"], values["ece"]]
        accuracy, macro_f1, top2, ece = (f"{number:.4f}" for number in numbers)
        assert [str(values["n"]), accuracy, f"{low:.4f} to {high:.4f}", macro_f1, top2, ece] in card[name]
    validation: dict[str, Any] = splits["validation"]
    for emotion, confusions in zip(EMOTIONS, validation["confusion_matrix"], strict=True):
        values = validation["per_class"][emotion]
        rates = [f"{values[rate]:.3f}" for rate in ("precision", "recall", "f1")]
        assert [*rates, str(values["support"]), *map(str, confusions)] in card[emotion]
    text = (SHIPPED_BUNDLE / "README.md").read_text(encoding="utf-8")
    assert shipped.data["fingerprint"] in text
    assert f"{shipped.temperature:.4f}" in text and f"{shipped.confidence_threshold:.4f}" in text
    assert f"{shipped.network['parameters'] / 1e6:.2f} M parameters" in text
