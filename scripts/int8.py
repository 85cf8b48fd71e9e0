"""An int8 copy of a bundle's model: served if it loses almost no accuracy and is much faster."""

import statistics
import time
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np

from fer.datasets.faces import FaceDataset
from fer.recognition.bundle import ONNX_FILE, Bundle, write_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.runs.config import TrainConfig
from fer.training.bundling import calibrate, measure_splits, with_confidence
from fer.training.quantize import CALIBRATION_FACES, INT8_FILE, quantize
from fer.training.run_data import split_parts

MOST_LOST: Final = 0.003
LEAST_FASTER: Final = 1.5
_ROUNDS: Final = 300
_WARM_UP: Final = 10


@dataclass(frozen=True)
class Verdict:
    """The cost and gain of int8: accuracies on the validation split in 0..1, and median ms for one face."""

    float32_accuracy: float
    int8_accuracy: float
    float32_ms: float
    int8_ms: float

    @property
    def good(self) -> bool:
        """Return whether to serve int8."""
        lost = self.float32_accuracy - self.int8_accuracy
        return lost <= MOST_LOST and self.float32_ms >= LEAST_FASTER * self.int8_ms

    @property
    def text(self) -> str:
        """Return the verdict as a sentence, for the terminal and the card."""
        return (
            f"int8: {self.int8_accuracy:.4f} against {self.float32_accuracy:.4f} on the validation split, "
            f"{self.float32_ms / self.int8_ms:.2f} times as fast for one face; "
            f"{'served' if self.good else 'not served'}."
        )


def add_int8(bundle: Bundle, dataset: FaceDataset, config: TrainConfig) -> tuple[Bundle, Verdict]:
    """Quantise a bundle's model, and let the bundle serve the copy if it is good. Otherwise remove the copy.

    The copy gets its own temperature and threshold, and the bundle's metrics are then those of the copy. Either way the
    verdict is kept in `bundle.json`, under `network`.

    Args:
        bundle: with the float32 model in `model.onnx`, served.
        dataset: what it was trained on.
        config: the settings of its training, by which the data are divided.
    """
    parts = split_parts(dataset, config)
    rows = np.random.default_rng(0).choice(len(parts.train), min(CALIBRATION_FACES, len(parts.train)), replace=False)
    quantize(bundle.path / ONNX_FILE, parts.train.images[np.sort(rows)][..., None], bundle.path / INT8_FILE)
    candidate = write_bundle(replace(bundle, served=INT8_FILE))
    exact, quantised = EmotionClassifier(bundle), EmotionClassifier(candidate)
    metrics = measure_splits(quantised, dataset, parts)
    exact_ms, quantised_ms = _face_ms(exact, quantised, parts.validation)
    verdict = Verdict(
        float32_accuracy=measure_splits(exact, dataset, parts)["validation"]["accuracy"],
        int8_accuracy=metrics["validation"]["accuracy"],
        float32_ms=exact_ms,
        int8_ms=quantised_ms,
    )
    network = {**bundle.network, "int8": asdict(verdict)}
    if not verdict.good:
        (bundle.path / INT8_FILE).unlink()
        return write_bundle(replace(bundle, network=network)), verdict
    served = replace(candidate, network=network)
    return with_confidence(served, *calibrate(quantised, parts), dataset, parts), verdict


def _face_ms(first: EmotionClassifier, second: EmotionClassifier, faces: FaceDataset) -> tuple[float, float]:
    """Return the median time of one face in ms for two classifiers, measured in turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(-_WARM_UP, _ROUNDS):
        crop = faces.images[turn % len(faces)][None, ..., None]
        for classifier, taken in zip((first, second), times, strict=True):
            began = time.perf_counter()
            classifier.logits(crop)
            if turn >= 0:
                taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(times[0]), statistics.median(times[1])
