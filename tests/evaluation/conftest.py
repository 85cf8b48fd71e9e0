"""What the tests of evaluation share."""

import numpy as np
import pytest

from fer.emotions import N_EMOTIONS


@pytest.fixture
def random_logits() -> tuple[np.ndarray, np.ndarray]:
    """Logits (20000, 7) and labels drawn from their softmax, so that temperature 1 is the right one."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (20_000, N_EMOTIONS))
    gumbel = rng.gumbel(size=logits.shape)
    return logits, (logits + gumbel).argmax(1)
