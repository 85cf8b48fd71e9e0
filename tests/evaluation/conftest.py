"""Fixtures of the evaluation tests."""

from pathlib import Path

import numpy as np
import pytest

from fer.emotions import N_EMOTIONS
from fer.recognition.bundle import Bundle
from tests.support.builders import make_bundle


@pytest.fixture
def random_logits() -> tuple[np.ndarray, np.ndarray]:
    """Return logits (20000, 7) and labels sampled from their softmax, so that temperature 1 is the right one."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (20_000, N_EMOTIONS))
    gumbel = rng.gumbel(size=logits.shape)
    return logits, (logits + gumbel).argmax(1)


@pytest.fixture
def bundle(fer_home: Path) -> Bundle:
    """Return a model below an empty FER_HOME, which tells faces apart by their brightness."""
    return make_bundle(fer_home / "model", confidence_threshold=0.4)
