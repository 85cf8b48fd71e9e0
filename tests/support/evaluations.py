"""Faces of one grey each, which the tiny bundle of `tests.builders` tells apart, and models of known merit."""

from pathlib import Path

import numpy as np

from fer.datasets.faces import FaceDataset
from fer.datasets.readings import Reading
from fer.emotions import N_EMOTIONS
from fer.evaluation.evaluation_result import EvaluationResult, evaluate_model
from fer.evaluation.evaluation_set import EvaluationSet, evaluation_set_of
from fer.recognition.classifier import EmotionClassifier
from tests.support.builders import make_bundle


def grey_faces(n: int = 70, wrong: int = 0, votes: np.ndarray | None = None, noise: int = 0) -> FaceDataset:
    """Test faces whose grey names their class to the tiny bundle; the first `wrong` of them are labelled one off."""
    true = np.arange(n) % N_EMOTIONS
    rng = np.random.default_rng(0)
    images = np.broadcast_to((true * 255 // 6)[:, None, None], (n, 48, 48)).astype(np.int64)
    # A little noise makes every face another, so that none is taken for its twin.
    images = np.clip(images + rng.integers(-noise - 2, noise + 3, images.shape), 0, 255).astype(np.uint8)
    labels = np.where(np.arange(n) < wrong, (true + 1) % N_EMOTIONS, true).astype(np.int64)
    return FaceDataset("greys", images, labels, np.full(n, 2, np.uint8), votes=votes)


def evaluation_set(faces: FaceDataset) -> EvaluationSet:
    return evaluation_set_of(Reading(faces, tuple(f"image {number}" for number in range(len(faces)))))


def tiny_classifier(folder: Path, sharpness: float = 4.0) -> EmotionClassifier:
    return EmotionClassifier(make_bundle(folder, sharpness=sharpness, confidence_threshold=0.4))


def result(folder: Path, faces: FaceDataset, *, robustness: bool = False) -> EvaluationResult:
    return evaluate_model(tiny_classifier(folder), evaluation_set(faces), robustness=robustness)
