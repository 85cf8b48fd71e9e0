"""Fit and write what a bundle says of its confidence, and measure it. This needs no Keras."""

from dataclasses import replace
from typing import Any

from fer.datasets.faces import FaceDataset
from fer.evaluation.calibration import TARGET_ACCURACY, fit_confidence_threshold, probabilities_at
from fer.evaluation.confidence import MARGIN, Confidence, fit_confidence
from fer.evaluation.metrics import measure, predict
from fer.recognition.bundle import Bundle, write_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.training.run_data import Parts


def calibrate(classifier: EmotionClassifier, parts: Parts) -> tuple[Confidence, str]:
    """Return what a bundle says of a classifier's confidence, and the name of the split it is fitted on."""
    if parts.calibration is not None:
        return fit_confidence(classifier, parts.calibration), "calibration"
    # These faces chose the epoch, so only the threshold is fitted on them.
    chosen = parts.validation
    probabilities = probabilities_at(classifier.logits(chosen.images[..., None]), 1.0)
    threshold = fit_confidence_threshold(probabilities, chosen.labels, TARGET_ACCURACY + MARGIN)
    return Confidence(1.0, threshold), "validation"


def with_confidence(
    bundle: Bundle, confidence: Confidence, fitted_on: str, dataset: FaceDataset, parts: Parts
) -> Bundle:
    """Write a bundle with what it says of its confidence, and the metrics that follow.

    Args:
        bundle: the model.
        confidence: what is fitted.
        fitted_on: the split it is fitted on.
        dataset: the data it was trained on, all splits.
        parts: how they were divided.
    """
    calibrated = write_bundle(
        replace(
            bundle,
            temperature=confidence.temperature,
            confidence_threshold=confidence.confidence_threshold,
            quality=confidence.quality,
            sets=confidence.sets,
        )
    )
    metrics = measure_splits(EmotionClassifier(calibrated), dataset, parts)
    return write_bundle(replace(calibrated, metrics={**metrics, "calibrated_on": fitted_on}))


def measure_splits(classifier: EmotionClassifier, dataset: FaceDataset, parts: Parts) -> dict[str, Any]:
    """Return the metrics on the validation and calibration splits, and on the test split if there is one."""
    splits = {"validation": parts.validation}
    if parts.calibration is not None:
        splits["calibration"] = parts.calibration
    if "test" in dataset.split_names():
        splits["test"] = dataset.split("test")
    return {name: measure(predict(classifier, split)).to_dict() for name, split in splits.items()}
