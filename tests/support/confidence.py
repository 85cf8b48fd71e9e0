"""Small rules for tests of confidence."""

from dataclasses import replace
from typing import Any

import numpy as np

from fer.recognition.face_temperature import N_KNOTS, N_LOGIT_FEATURES, FaceTemperature
from fer.vision.quality import MEASURES

NAMES = tuple(item.name for item in MEASURES)


def rule(**changes: Any) -> FaceTemperature:
    """Return a rule that keeps every temperature, except for the given values."""
    plain = FaceTemperature(
        measures=NAMES,
        knots=((0.0,) * len(NAMES),) * N_KNOTS,
        scales=(1.0,) * len(NAMES),
        weights=((0.0,) * len(NAMES),) * N_KNOTS,
        logit_means=(0.0,) * N_LOGIT_FEATURES,
        logit_scales=(1.0,) * N_LOGIT_FEATURES,
        logit_weights=(0.0,) * N_LOGIT_FEATURES,
        bias=0.0,
    )
    return replace(plain, **changes)


def weighing(name: str, weight: float, knot: float = 0.0) -> FaceTemperature:
    """Return a rule with a weight for one measure only."""
    place = NAMES.index(name)
    weights, knots = np.zeros((N_KNOTS, len(NAMES))), np.zeros((N_KNOTS, len(NAMES)))
    weights[0, place], knots[0, place] = weight, knot
    return rule(weights=tuple(map(tuple, weights.tolist())), knots=tuple(map(tuple, knots.tolist())))
