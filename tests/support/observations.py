"""Observations of faces for records of live sessions."""

from datetime import UTC, datetime

import numpy as np

from fer.emotions import EMOTIONS
from fer.streams.record import Observation

STARTED = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)


def leaning(emotion: str, confidence: float = 0.7) -> np.ndarray:
    probabilities = np.full(len(EMOTIONS), (1 - confidence) / 6, np.float32)
    probabilities[EMOTIONS.index(emotion)] = confidence
    return probabilities


def seen(person: int, emotion: str, confidence: float = 0.7, left: float = 10) -> Observation:
    """Return an observation that is sure from a confidence of 0.5."""
    box = np.array([left, 20, 30, 40], np.float32)
    candidates = (emotion,) if confidence >= 0.5 else (emotion, "angry")
    return Observation(
        person, box, leaning("neutral"), leaning(emotion, confidence), sure=confidence >= 0.5, candidates=candidates
    )
