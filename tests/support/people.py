"""People and seen faces for tests of streams."""

import numpy as np

from fer.emotions import EMOTIONS
from fer.results import Face
from fer.streams.people import Person
from fer.streams.pipeline import SeenFace


def person(number: int = 1, confidence: float = 0.83, confidence_threshold: float = 0.5, left: int = 100) -> Person:
    probabilities = np.full(len(EMOTIONS), (1 - confidence) / 6, np.float32)
    probabilities[EMOTIONS.index("happy")] = confidence
    return Person(number, Face((left, 120, 160, 160), probabilities, confidence_threshold), probabilities)


def seen(left: float = 100, confirmed: bool = True) -> SeenFace:
    return SeenFace(1 if confirmed else None, np.array([left, 120, 160, 160], np.float32), True, None, None)


def has_color(image: np.ndarray, color: tuple[int, int, int]) -> bool:
    return bool((image == np.array(color, np.uint8)).all(axis=-1).any())
