"""An int8 copy of a bundle's model, with its own calibration; each computer decides whether to serve it."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from fer.datasets.faces import FaceDataset
from fer.recognition.bundle import ONNX_FILE, Bundle, write_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.int8_copy import INT8_FILE, Int8Copy
from fer.recognition.speed import LEAST_FASTER, MANY
from fer.recognition.weights import MOST_LOST, loses_little
from fer.runs.config import TrainConfig
from fer.text import MB
from fer.training.calibrating import calibrate, measure_splits
from fer.training.quantize import CALIBRATION_FACES, quantize
from fer.training.run_data import split_parts


@dataclass(frozen=True)
class Verdict:
    """What an int8 copy costs: accuracies on the validation split in 0..1, and its size in bytes."""

    float32_accuracy: float
    int8_accuracy: float
    size: int
    kept: bool

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """Return the verdict on the copy in a bundle.

        Raises:
            ValueError: it has none.
        """
        copy = bundle.with_int8_served()
        exact, quantised = (one.metrics["validation"]["accuracy"] for one in (bundle, copy))
        return cls(exact, quantised, copy.served_file.stat().st_size, loses_little(bundle))

    @property
    def text(self) -> str:
        """Return the verdict as sentences, for the terminal and the card."""
        lost = f"{self.int8_accuracy:.4f} against {self.float32_accuracy:.4f} on the validation split"
        if not self.kept:
            return f"An int8 copy has {lost}, which loses more than {100 * MOST_LOST:.1f} points; it isn't kept."
        return (
            f"The int8 copy `{INT8_FILE}` ({self.size / MB:.1f} MB) has {lost}, with a calibration of its own. It is "
            f"served where a measurement finds it at least {LEAST_FASTER:g} times as fast, for one face and for {MANY}."
        )


def add_int8(bundle: Bundle, dataset: FaceDataset, config: TrainConfig) -> tuple[Bundle, Verdict]:
    """Add an int8 copy of a bundle's model, with its own confidence and metrics, if it is accurate enough.

    Args:
        bundle: with the float32 model in `model.onnx`, served.
        dataset: what it was trained on.
        config: the settings of its training, by which the data are divided.
    """
    parts = split_parts(dataset, config)
    rows = np.random.default_rng(0).choice(len(parts.train), min(CALIBRATION_FACES, len(parts.train)), replace=False)
    quantize(bundle.path / ONNX_FILE, parts.train.images[np.sort(rows)][..., None], bundle.path / INT8_FILE)
    plain = write_bundle(replace(bundle, int8=Int8Copy()))
    confidence, fitted_on = calibrate(EmotionClassifier(plain.with_int8_served()), parts)
    copy = Int8Copy(
        temperature=confidence.temperature,
        confidence_threshold=confidence.confidence_threshold,
        quality=confidence.quality,
        sets=confidence.sets,
    )
    metrics = measure_splits(EmotionClassifier(replace(plain, int8=copy).with_int8_served()), dataset, parts)
    complete = write_bundle(replace(plain, int8=replace(copy, metrics={**metrics, "calibrated_on": fitted_on})))
    verdict = Verdict.of(complete)
    if verdict.kept:
        return complete, verdict
    (bundle.path / INT8_FILE).unlink()
    return write_bundle(replace(complete, int8=None)), verdict
