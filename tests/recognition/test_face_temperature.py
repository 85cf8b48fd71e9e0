"""A face's temperature follows its rule and never changes the predicted class. Invalid rules are refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer.recognition.classifier import EmotionClassifier, MirroredClassifier
from fer.recognition.face_temperature import FaceTemperature, logit_features
from tests.support.builders import faces_of, make_bundle
from tests.support.confidence import NAMES, rule, weighing

LOGITS = np.array([[3.0, 1, 0, 0, 0, 0, 0], [0, 0, 5, 4, 0, 0, 0]], np.float32)


def test_a_rule_without_weights_keeps_the_temperature() -> None:
    assert rule().factors(LOGITS, faces_of(10, 200)).tolist() == [1.0, 1.0]


def test_a_measure_has_an_effect_above_its_knot() -> None:
    # Brightness is the mean grey: 10 and 200, in units of a scale of 1, at most 4 beyond the knot.
    factors = weighing("brightness", 0.5, knot=198.0).factors(LOGITS, faces_of(10, 200))
    assert factors.tolist() == pytest.approx([1.0, np.exp(0.5 * 2)])
    assert weighing("brightness", 0.5, knot=0.0).factors(LOGITS, faces_of(10, 200))[1] == pytest.approx(np.exp(2.0))


def test_factors_stay_within_bounds() -> None:
    assert rule(bias=-9.0).factors(LOGITS, faces_of(10, 200)).tolist() == [0.25, 0.25]
    assert rule(bias=9.0).factors(LOGITS, faces_of(10, 200)).tolist() == [16.0, 16.0]


def test_logit_features_of_small_examples() -> None:
    first, second, entropy, energy, spread = logit_features(np.log([[4.0, 2, 1, 1, 1, 1, 0.5]]).astype(np.float32))[0]
    assert (first, second) == (pytest.approx(np.log(2)), pytest.approx(np.log(2)))
    assert energy == pytest.approx(np.log(10.5))
    shares = np.array([4.0, 2, 1, 1, 1, 1, 0.5]) / 10.5
    assert entropy == pytest.approx(-(shares * np.log(shares)).sum())
    assert spread == pytest.approx(np.log([4.0, 2, 1, 1, 1, 1, 0.5]).std())


def test_a_poor_image_lowers_the_confidence_but_keeps_the_class(tmp_path: Path) -> None:
    faces = faces_of(0, 120, 255)
    plain = EmotionClassifier(make_bundle(tmp_path / "plain", sharpness=0.5)).probabilities(faces)
    tempered = EmotionClassifier(
        make_bundle(tmp_path / "tempered", sharpness=0.5, quality=weighing("brightness", 0.5, knot=253.0))
    ).probabilities(faces)
    assert np.array_equal(plain[:2], tempered[:2])
    assert tempered[2].max() < plain[2].max() - 0.05
    assert tempered.argmax(1).tolist() == plain.argmax(1).tolist()
    assert tempered.sum(1) == pytest.approx(1)


def test_the_mirror_image_has_half_the_weight(tmp_path: Path) -> None:
    class HalfLeft(EmotionClassifier):
        """A classifier that uses only the left half: bright is class 0, dark is class 1."""

        def logits(self, crops: np.ndarray) -> np.ndarray:
            left = crops[:, :, :24].mean((1, 2, 3)) / 255
            scores = np.zeros((len(crops), 7), np.float32)
            scores[:, 0], scores[:, 1] = left * 4, (1 - left) * 4
            return scores

    bundle = make_bundle(tmp_path)
    crop = np.zeros((1, 48, 48, 1), np.uint8)
    crop[:, :, :24] = 255
    one, both = HalfLeft(bundle).probabilities(crop), HalfLeft(bundle).probabilities(crop, mirrored=True)
    assert one[0, 0] > 0.8 and both[0, 0] == pytest.approx(both[0, 1])
    assert EmotionClassifier(bundle).probabilities(crop[:0], mirrored=True).shape == (0, 7)
    assert np.array_equal(
        MirroredClassifier(bundle).probabilities(crop), EmotionClassifier(bundle).probabilities(crop, mirrored=True)
    )


def test_a_rule_is_read_back_from_json() -> None:
    made = rule(bias=0.25, logit_weights=(0.1, 0.2, 0.3, 0.4, 0.5))
    assert FaceTemperature.from_dict(json.loads(json.dumps(made.to_dict()))) == made


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("measures", ["unknown"]),
        ("measures", ["blur", "blur"]),
        ("measures", list(reversed(NAMES))),
        ("measures", []),
        ("measures", "blur"),
        ("measures", 1),
        ("knots", [[0.0] * (len(NAMES) + 1)] * 2),
        ("knots", [[0.0] * len(NAMES)]),
        ("knots", [[0.0], [0.0]]),
        ("knots", 1.0),
        ("scales", [0.0] * len(NAMES)),
        ("scales", [1.0] * (len(NAMES) - 1)),
        ("weights", [[-0.1] * len(NAMES), [0.0] * len(NAMES)]),
        ("weights", [[float("nan")] * len(NAMES), [0.0] * len(NAMES)]),
        ("logit_weights", [1e9] * 5),
        ("logit_scales", ["1"] * 5),
        ("bias", 1e400),
        ("bias", None),
        ("bias", True),
    ],
)
def test_a_rule_that_does_not_fit_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}: expected"):
        FaceTemperature.from_dict({**rule().to_dict(), name: value})


def test_a_rule_from_before_a_measure_was_added_is_used_as_it_was_fitted() -> None:
    older = [name for name in NAMES if name not in ("hidden", "softness")]
    values = weighing("brightness", 0.5, knot=198.0).to_dict()
    for name in ("knots", "weights"):
        values[name] = [[row[NAMES.index(measure)] for measure in older] for row in values[name]]
    rule_then = FaceTemperature.from_dict({**values, "measures": older, "scales": [1.0] * len(older)})
    assert rule_then.factors(LOGITS, faces_of(10, 200)).tolist() == pytest.approx([1.0, np.exp(0.5 * 2)])


@pytest.mark.parametrize("values", [None, [], {}, {"bias": 0.0}, {**rule().to_dict(), "more": 1}])
def test_an_invalid_rule_is_refused(values: Any) -> None:
    with pytest.raises(ValueError, match="expected an object with measures"):
        FaceTemperature.from_dict(values)
