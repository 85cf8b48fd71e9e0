"""A trained network's map highlights the part of a face that decides its class."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fer.datasets.synthetic import draw_face
from fer.emotions import EMOTIONS
from fer.evaluation.class_activation_maps import evidence
from fer.recognition.bundle import Bundle, write_bundle
from fer.recognition.classifier import EmotionClassifier

pytestmark = [pytest.mark.training, pytest.mark.timeout(400)]

SURPRISE, ANGRY, NEUTRAL = (EMOTIONS.index(name) for name in ("surprise", "angry", "neutral"))
# Rows and columns of the two marks on a face of 48 x 48.
MOUTH, BROWS = (slice(32, 46), slice(14, 34)), (slice(6, 18), slice(10, 38))


def face(label: int, rng: np.random.Generator) -> np.ndarray:
    """Return a neutral face; only an open mouth makes it surprised, and only thick brows make it angry."""
    image = draw_face("neutral", rng)
    if label == SURPRISE:
        cv2.ellipse(image, (24, 39), (6, 5), 0, 0, 360, 10, -1, cv2.LINE_AA)
    elif label == ANGRY:
        cv2.line(image, (12, 9), (22, 14), 10, 3, cv2.LINE_AA)
        cv2.line(image, (36, 9), (26, 14), 10, 3, cv2.LINE_AA)
    return image


def faces(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.choice([SURPRISE, ANGRY, NEUTRAL], n)
    return np.array([face(label, rng) for label in labels], np.uint8)[..., None], labels


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> EmotionClassifier:
    import keras

    from fer.training.batch_statistics import recompute_statistics
    from fer.training.export import export_network, serving_network
    from fer.training.networks import build_network

    keras.utils.set_random_seed(0)
    network = build_network("residual", fused=True)
    loss = {"logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
    network.compile(keras.optimizers.AdamW(2e-3), loss=loss, jit_compile=False)
    images, labels = faces(240, seed=0)
    network.fit(images, {"logits": labels}, batch_size=16, epochs=4, verbose=0)
    # After so few steps, batch normalisation still has its initial statistics.
    recompute_statistics(network, [images[start : start + 48] for start in range(0, 240, 48)])
    folder = tmp_path_factory.mktemp("bundle")
    export_network(serving_network("residual", network.get_weights()), folder)
    return EmotionClassifier(write_bundle(Bundle(path=Path(folder))))


@pytest.mark.parametrize(("label", "part", "other"), [(SURPRISE, MOUTH, BROWS), (ANGRY, BROWS, MOUTH)])
def test_the_map_highlights_what_decides_the_class(
    label: int, part: tuple[slice, slice], other: tuple[slice, slice], classifier: EmotionClassifier
) -> None:
    images, labels = faces(60, seed=1)
    probabilities, maps = classifier.explain(images)
    predicted = probabilities.argmax(1)
    assert (predicted == labels).mean() > 0.9, "the network has not learned the marks"
    heats = [
        cv2.resize(evidence(one, label), (48, 48), interpolation=cv2.INTER_LINEAR)
        for one in maps[(predicted == label) & (labels == label)]
    ]
    strongest = [np.unravel_index(heat.argmax(), heat.shape) for heat in heats]
    inside = [
        part[0].start <= row < part[0].stop and part[1].start <= column < part[1].stop for row, column in strongest
    ]
    assert np.mean(inside) > 0.8
    mean = np.mean(heats, axis=0)
    assert mean[part].mean() > 2 * mean[other].mean()
