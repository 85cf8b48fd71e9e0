"""The fitted rule lowers the confidence of poor images until the answers are right often enough."""

import numpy as np
import pytest

from fer.datasets.faces import FaceDataset
from fer.evaluation.calibration import answered_at, probabilities_at, reliability
from fer.evaluation.confidence import fit_confidence
from fer.evaluation.robustness import COVERS, LOWER_COVERS, STRENGTHS, TRANSFORMS, corrupt
from fer.vision.quality import MEASURES, measure

NOISE = [item.name for item in MEASURES].index("noise")
NOISY = next(transform for transform in TRANSFORMS if transform.name == "noise")


def faces(n: int, seed: int) -> FaceDataset:
    """Return smooth images of 48 x 48 with labels of three classes."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:48, :48] / 48
    phases = rng.uniform(0, 6, (n, 2, 1, 1))
    waves = np.sin(9 * rows + phases[:, 0]) + np.cos(11 * columns + phases[:, 1])
    images = np.clip(128 + 40 * waves, 0, 255).astype(np.uint8)
    return FaceDataset("waves", images, rng.integers(0, 3, n), np.zeros(n, np.uint8))


class FooledByNoise:
    """Right in 85 of 100 faces, in 45 of those with noise, and equally confident of both.

    The prediction depends on the face's pixels only, so it is the same each time.
    """

    def __init__(self, known: FaceDataset) -> None:
        self._labels = {self._key(image): label for image, label in zip(known.images, known.labels, strict=True)}
        for transform in (*TRANSFORMS, *COVERS, *LOWER_COVERS, *STRENGTHS):
            changed = corrupt(known, transform)
            for image, label in zip(changed.images, known.labels, strict=True):
                self._labels[self._key(image)] = label

    @staticmethod
    def _key(image: np.ndarray) -> bytes:
        return image.tobytes()

    def logits(self, crops: np.ndarray) -> np.ndarray:
        noisy = measure(crops)[:, NOISE] > 1.5
        scores = np.zeros((len(crops), 7), np.float32)
        for row, crop in enumerate(crops):
            rng = np.random.default_rng(int(crop.astype(np.int64).sum()) * 7919 + int(crop[7, 11, 0]))
            label = self._labels.get(self._key(crop[..., 0]), 0)
            right = rng.uniform() < (0.45 if noisy[row] else 0.85)
            scores[row, label if right else (label + rng.integers(1, 7)) % 7] = 3.5 + rng.normal(0, 0.7)
        return scores


@pytest.fixture(scope="module")
def known() -> FaceDataset:
    return faces(500, 0)


def test_noisy_faces_lose_their_confidence_and_clean_ones_keep_it(known: FaceDataset) -> None:
    classifier = FooledByNoise(known)
    found = fit_confidence(classifier, known)
    assert found.quality is not None and found.sets is not None
    assert found.quality.weights[0][NOISE] + found.quality.weights[1][NOISE] > 0.05

    def probabilities(data: FaceDataset) -> np.ndarray:
        logits = classifier.logits(data.images[..., None])
        return probabilities_at(logits / found.quality.factors(logits, data.images)[:, None], found.temperature)

    clean, noisy = probabilities(known), probabilities(corrupt(known, NOISY))
    assert clean.max(1).mean() > noisy.max(1).mean() + 0.1
    assert reliability(clean, known.labels).ece < 0.08
    answered = answered_at(clean, known.labels, found.confidence_threshold)
    assert answered.coverage > 0.8 and answered.accuracy is not None and answered.accuracy >= 0.8
    # Without the rule, all of them are answered, and fewer than half of the answers are right.
    assert answered_at(noisy, known.labels, found.confidence_threshold).coverage < 0.2


def test_few_faces_share_one_temperature(known: FaceDataset) -> None:
    few = known.take(np.arange(120))
    found = fit_confidence(FooledByNoise(few), few)
    assert found.quality is None and found.sets is not None
    fewer = fit_confidence(FooledByNoise(few), few.take(np.arange(60)))
    assert fewer.sets is None and fewer.temperature > 0


class Untrained:
    """Predict the same for every face, with large logits, as a network does whose training failed."""

    def __init__(self, size: float) -> None:
        self._size = size

    def logits(self, crops: np.ndarray) -> np.ndarray:
        return np.tile(np.arange(7, dtype=np.float32) * self._size, (len(crops), 1))


@pytest.mark.slow
@pytest.mark.parametrize("size", [3.0, 1e5])
def test_an_untrained_network_is_never_sure(size: float) -> None:
    found = fit_confidence(Untrained(size), faces(500, 3))
    assert found.confidence_threshold == 1.0 and found.quality is not None
