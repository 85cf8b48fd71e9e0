"""Faces of one grey each, which the tiny model of `tests.support.builders` classifies by their brightness."""

from pathlib import Path

import numpy as np
import pytest

from fer.datasets.faces import FaceDataset
from fer.datasets.readings import Reading
from fer.emotions import N_EMOTIONS
from fer.evaluation import keys
from fer.evaluation.evaluation_result import EvaluationResult, evaluate_model
from fer.evaluation.evaluation_set import EvaluationSet, Source, evaluation_set_of
from fer.evaluation.job import Job, Request
from fer.recognition.bundle import Bundle
from fer.recognition.classifier import EmotionClassifier
from tests.support.builders import make_bundle


def grey_faces(n: int = 70, wrong: int = 0, votes: np.ndarray | None = None, noise: int = 0) -> FaceDataset:
    """Return test faces whose grey is their class; the first `wrong` of them have the next class as label."""
    true = np.arange(n) % N_EMOTIONS
    rng = np.random.default_rng(0)
    images = np.broadcast_to((true * 255 // 6)[:, None, None], (n, 48, 48)).astype(np.int64)
    # A little noise makes every face different, so that none counts as a copy.
    images = np.clip(images + rng.integers(-noise - 2, noise + 3, images.shape), 0, 255).astype(np.uint8)
    labels = np.where(np.arange(n) < wrong, (true + 1) % N_EMOTIONS, true).astype(np.int64)
    return FaceDataset("greys", images, labels, np.full(n, 2, np.uint8), votes=votes)


def evaluation_set(faces: FaceDataset) -> EvaluationSet:
    return evaluation_set_of(Reading(faces, tuple(f"image {number}" for number in range(len(faces)))))


def tiny_classifier(folder: Path, sharpness: float = 4.0) -> EmotionClassifier:
    return EmotionClassifier(make_bundle(folder, sharpness=sharpness, confidence_threshold=0.4))


def result(folder: Path, faces: FaceDataset, *, robustness: bool = False) -> EvaluationResult:
    return evaluate_model(tiny_classifier(folder), evaluation_set(faces), robustness=robustness)


def count_classified(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the number of faces of each call of a classifier."""
    seen: list[int] = []
    answer = EmotionClassifier.probabilities

    def counting(self: EmotionClassifier, crops: np.ndarray) -> np.ndarray:
        seen.append(len(crops))
        return answer(self, crops)

    monkeypatch.setattr(EmotionClassifier, "probabilities", counting)
    return seen


def asked(*bundles: Bundle, source: Source | None = None, robustness: bool = False) -> tuple[Job, Request]:
    """Return the job that evaluates some models, not started, and its request. Without a source: synthetic faces."""
    source = source or Source("synthetic")
    weights = tuple(bundle.weights for bundle in bundles)
    request = Request(tuple(str(bundle.path) for bundle in bundles), source, robustness, weights=weights)
    hashes = [bundle.hash for bundle in bundles]
    return Job.of(hashes, keys.choice_key(source)), request
