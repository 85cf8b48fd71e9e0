"""A temperature for each face, so that the confidence of a poor picture is as low as its answers are unreliable.

One temperature for all faces (Guo et al., 'On calibration of modern neural networks', 2017) is too low for blurred,
noisy and covered faces: a network is confident there and wrong. Here its logarithm is linear in what can be measured of
the face (`fer.vision.quality`) and of the seven logits. A temperature changes no answer, only how sure it is.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from fer.arrays import Floats, Images
from fer.storage.values import is_number, with_fields_of
from fer.vision.quality import MEASURES, measure

Design = npt.NDArray[np.float64]
N_KNOTS: Final = 2
# Of the logits, largest first: leads of the first and the second, entropy, log of the sum of exponentials, spread.
N_LOGIT_FEATURES: Final = 5
# In standard deviations: what lies beyond isn't extrapolated to.
_FARTHEST: Final = 4.0
# A face's temperature stays within these factors of the bundle's.
FACTORS: Final = (0.25, 16.0)
# No weight and no bias is larger than this; larger ones would only reach the factors' ends sooner.
MOST_WEIGHT: Final = 10.0
# Scores of an imported model may be this large, see `fer.runs.bundle_check`.
_MOST_LOGIT: Final = 1e7
_NAMES: Final = tuple(item.name for item in MEASURES)


@dataclass(frozen=True)
class FaceTemperature:
    """A fitted rule from a face and its logits to the factor that multiplies the bundle's temperature.

    Attributes:
        measures: names of some of `MEASURES`, in their order; a model fitted before a measure was added lacks it.
        knots: `N_KNOTS` rows of a value per measure; a measure raises the temperature from its knot on.
        scales: what each measure's excess is divided by, above 0.
        weights: like `knots`, 0 or more: a worse picture never makes an answer surer.
        logit_means, logit_scales, logit_weights: `N_LOGIT_FEATURES` values each.
        bias: added to the logarithm of the factor.

    Raises:
        ValueError: a list has another length, or a number is not finite or out of range.
    """

    measures: tuple[str, ...]
    knots: tuple[tuple[float, ...], ...]
    scales: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]
    logit_means: tuple[float, ...]
    logit_scales: tuple[float, ...]
    logit_weights: tuple[float, ...]
    bias: float

    def __post_init__(self) -> None:
        _require_names(self.measures)
        per_measure, per_knot = len(self.measures), (len(self.measures),) * N_KNOTS
        _require("knots", self.knots, per_knot, -1e4, 1e4)
        _require("scales", [self.scales], (per_measure,), 1e-6, 1e4)
        _require("weights", self.weights, per_knot, 0, MOST_WEIGHT)
        _require("logit_means", [self.logit_means], (N_LOGIT_FEATURES,), -_MOST_LOGIT, _MOST_LOGIT)
        _require("logit_scales", [self.logit_scales], (N_LOGIT_FEATURES,), 1e-6, _MOST_LOGIT)
        _require("logit_weights", [self.logit_weights], (N_LOGIT_FEATURES,), -MOST_WEIGHT, MOST_WEIGHT)
        _require("bias", [[self.bias]], (1,), -MOST_WEIGHT, MOST_WEIGHT)

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Return the rule that `to_dict` described.

        Raises:
            ValueError: a value is missing, of another form or out of range.
        """
        return cls(**{name: _tuples(value) for name, value in with_fields_of(values, cls).items()})

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as plain JSON values."""
        return asdict(self)

    def factors(self, logits: Floats, crops: Images, measures: Floats | None = None) -> Floats:
        """Return (N,) float32 factors, 0.25..16, for logits (N, 7) and their crops (N, 48, 48, 1) uint8.

        `measures` is what `measure` returns for the crops, if it is known already.
        """
        design = self.design(logits, measure(crops) if measures is None else measures)
        weights = np.concatenate([[self.bias], self.logit_weights, np.ravel(self.weights)])
        return np.asarray(np.exp(design @ weights).clip(*FACTORS), np.float32)

    def design(self, logits: Floats, measures: Floats) -> Design:
        """Return (N, 1 + 5 + 2 * len(self.measures)) float64: one, what the logits say, and excesses over the knots.

        Args:
            logits: (N, 7).
            measures: (N, len(MEASURES)), of which those with a weight here are used.
        """
        if self.measures != _NAMES:
            measures = measures[:, [_NAMES.index(name) for name in self.measures]]
        from_logits = (logit_features(logits) - self.logit_means) / np.asarray(self.logit_scales)
        excesses = [(measures - np.asarray(knots)) / np.asarray(self.scales) for knots in self.knots]
        return np.column_stack(
            [
                np.ones(len(logits)),
                from_logits.clip(-_FARTHEST, _FARTHEST),
                *(excess.clip(0, _FARTHEST) for excess in excesses),
            ]
        )


def logit_features(logits: Floats) -> Design:
    """Return what (N, 7) logits say of their reliability, (N, `N_LOGIT_FEATURES`) float64."""
    values = -np.sort(-np.asarray(logits, np.float64), axis=1)
    shifted = np.exp(values - values[:, :1])
    total = shifted.sum(1)
    shares = shifted / total[:, None]
    entropy = -(shares * np.log(shares + 1e-12)).sum(1)
    first, second = values[:, 0] - values[:, 1], values[:, 1] - values[:, 2]
    return np.column_stack([first, second, entropy, values[:, 0] + np.log(total), values.std(1)])


def _require_names(measures: Any) -> None:
    """Refuse what isn't a selection from `MEASURES` in their order."""
    fits = isinstance(measures, tuple) and measures and measures == tuple(name for name in _NAMES if name in measures)
    if not fits:
        raise ValueError(f"measures: expected some of {list(_NAMES)}, in this order. Received: {measures}")


def _require(name: str, rows: Any, lengths: tuple[int, ...], low: float, high: float) -> None:
    fits = isinstance(rows, (list, tuple)) and all(isinstance(row, (list, tuple)) for row in rows)
    if not fits or tuple(len(row) for row in rows) != lengths:
        raise ValueError(f"{name}: expected {' and '.join(map(str, lengths))} numbers")
    if not all(is_number(value, low, high) for row in rows for value in row):
        raise ValueError(f"{name}: expected numbers in {low:g}..{high:g}")


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
