"""Each transform does what its label says, and the table's numbers are right."""

import numpy as np
import pytest

from fer.datasets.faces import FaceDataset
from fer.emotions import N_EMOTIONS
from fer.evaluation.patterns import Pattern, checks, cloth, hiding_a_half, hiding_the_lower_half, stripes, thing
from fer.evaluation.robustness import TRANSFORMS, RobustnessRow, corrupt, measure_robustness

BY_NAME = {transform.name: transform for transform in TRANSFORMS}
ROWS, COLUMNS = np.mgrid[:48, :48]


def dot(row: int, column: int) -> np.ndarray:
    """Return a bright spot of 5 x 5 on black."""
    image = np.zeros((48, 48), np.uint8)
    image[row - 2 : row + 3, column - 2 : column + 3] = 200
    return image


def centre(image: np.ndarray) -> tuple[float, float]:
    weights = image.astype(float) / image.sum()
    return float((ROWS * weights).sum()), float((COLUMNS * weights).sum())


def apply(name: str, image: np.ndarray, number: int = 0) -> np.ndarray:
    before = image.copy()
    result = BY_NAME[name].apply(image, number)
    assert result.shape == (48, 48)
    assert result.dtype == np.uint8
    assert np.array_equal(image, before), "a transform must not write into the face it was given"
    return result


def test_the_transforms_are_the_documented_ones() -> None:
    assert [transform.label for transform in TRANSFORMS] == [
        *("darker (gamma 2)", "brighter (gamma 0.5)", "blurred (sigma 1.5)", "turned by 10°", "turned by 20°"),
        *("24 pixels wide", "JPEG quality 20", "noise (sigma 15)", "lower half covered"),
        "a half under a pattern",
        *("10 % tighter", "10 % wider", "shifted by 8 %"),
    ]


@pytest.mark.parametrize(("name", "grey"), [("dark", 64), ("bright", 181)])
def test_gamma_of_a_mid_grey(name: str, grey: int) -> None:
    flat = np.full((48, 48), 128, np.uint8)
    assert apply(name, flat)[0, 0] == grey
    assert apply(name, np.full((48, 48), 255, np.uint8))[0, 0] == 255


@pytest.mark.parametrize(("name", "degrees"), [("turned_10", 10), ("turned_20", 20)])
@pytest.mark.parametrize(("number", "sign"), [(0, -1), (1, 1)])
def test_faces_are_turned_by_the_stated_angle(name: str, degrees: float, number: int, sign: int) -> None:
    row, column = centre(apply(name, dot(23, 38), number))
    angle = np.degrees(np.arctan2(23.5 - row, column - 23.5)) - np.degrees(np.arctan2(0.5, 14.5))
    assert angle == pytest.approx(sign * degrees, abs=1.5)


@pytest.mark.parametrize(("name", "factor"), [("tight", 1 / 0.9), ("wide", 1 / 1.1)])
def test_a_tighter_crop_moves_things_outwards(name: str, factor: float) -> None:
    _, column = centre(apply(name, dot(23, 38)))
    assert column - 23.5 == pytest.approx(14.5 * factor, abs=0.3)


def test_a_wider_crop_repeats_the_border() -> None:
    image = np.zeros((48, 48), np.uint8)
    image[:, 0] = 200
    assert (apply("wide", image)[:, 0] == 200).all()


@pytest.mark.parametrize(("number", "shift"), [(0, (0, 3.84)), (1, (0, -3.84)), (2, (3.84, 0)), (3, (-3.84, 0))])
def test_shifted_by_eight_percent_in_four_directions(number: int, shift: tuple[float, float]) -> None:
    row, column = centre(apply("shifted", dot(23, 23), number))
    assert (row - 23, column - 23) == pytest.approx(shift, abs=0.05)


def test_covering_hides_only_the_lower_half() -> None:
    image = np.arange(48 * 48, dtype=np.uint64).reshape(48, 48).astype(np.uint8)
    covered = apply("covered", image)
    assert np.array_equal(covered[:24], image[:24])
    assert (covered[24:] == 128).all()


@pytest.mark.parametrize("pattern", [stripes, checks, cloth, thing])
def test_a_pattern_hides_one_half_and_has_detail_of_its_own(pattern: Pattern) -> None:
    image, places = np.random.default_rng(0).integers(0, 256, (48, 48)).astype(np.uint8), []
    for number in range(8):
        changed = hiding_a_half(pattern)(image, number)
        assert np.array_equal(changed, hiding_a_half(pattern)(image, number))
        hidden = changed != image
        free_rows, free_columns = np.flatnonzero(~hidden.any(1)), np.flatnonzero(~hidden.any(0))
        places.append((tuple(free_rows[[0, -1]]) if len(free_rows) else (), len(free_columns) > 0))
        assert 20 <= len(free_rows) + len(free_columns) <= 28
        assert changed[hidden].std() > 3
    # The lower, the upper, the right and the left half in turn.
    assert [bool(rows) for rows, _ in places] == [True, True, False, False] * 2
    assert places[0][0][0] == 0 and places[1][0][1] == 47


def test_the_lower_half_under_stripes() -> None:
    image = np.full((48, 48), 7, np.uint8)
    changed = hiding_the_lower_half(stripes)(image, 3)
    assert (changed[:24] == 7).all() and (changed[24:] != 7).all()


def test_noise_has_the_stated_strength_and_is_fixed_per_face() -> None:
    flat = np.full((48, 48), 128, np.uint8)
    assert apply("noise", flat, 5).std() == pytest.approx(15, rel=0.05)
    assert np.array_equal(apply("noise", flat, 5), apply("noise", flat, 5))
    assert not np.array_equal(apply("noise", flat, 5), apply("noise", flat, 6))


@pytest.mark.parametrize("name", ["blur", "small", "jpeg"])
def test_fine_detail_is_lost(name: str) -> None:
    stripes = np.where(COLUMNS % 2, 134, 122).astype(np.uint8)
    assert apply(name, stripes).std() < 0.9 * stripes.std()
    assert apply(name, np.full((48, 48), 90, np.uint8)) == pytest.approx(90, abs=2)


def faces(n: int = 40) -> FaceDataset:
    rng = np.random.default_rng(1)
    labels = np.arange(n) % N_EMOTIONS
    return FaceDataset("noise", rng.integers(0, 256, (n, 48, 48)).astype(np.uint8), labels, np.zeros(n, np.uint8))


def test_the_order_of_the_faces_changes_nothing() -> None:
    some, order = faces(), np.random.default_rng(2).permutation(40)
    for transform in TRANSFORMS:
        moved = corrupt(some.take(order), transform).images
        assert np.array_equal(moved, corrupt(some, transform).images[order]), transform.name


class SeesTheLowerHalf:
    """A classifier that is right unless the lower half is covered."""

    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        covered = (crops[:, 24:] == 128).all(axis=(1, 2, 3))
        answers = np.where(covered, (np.arange(len(crops)) + 1) % N_EMOTIONS, np.arange(len(crops)) % N_EMOTIONS)
        return np.eye(N_EMOTIONS, dtype=np.float32)[answers]


def test_only_the_harmful_transform_lowers_accuracy() -> None:
    some, seen = faces(), []
    rows = measure_robustness(SeesTheLowerHalf(), some, 1.0, 0.5, lambda *done: seen.append(done))
    lost = {row.name: row.lost for row in rows}
    assert lost == {transform.name: (1.0 if transform.name == "covered" else 0.0) for transform in TRANSFORMS}
    assert seen[-1] == (40 * len(TRANSFORMS), 40 * len(TRANSFORMS))
    assert rows[0].interval[0] < 1.0 == rows[0].interval[1]
    assert (rows[0].sure, rows[0].sure_accuracy) == (1.0, 1.0)


class SureOfBrightFaces:
    """A classifier that always predicts class 0, with high confidence only for bright faces."""

    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        confidence = np.where(crops.mean((1, 2, 3)) > 128, 0.9, 0.4)[:, None]
        spread = np.repeat((1 - confidence) / 6, N_EMOTIONS, axis=1).astype(np.float32)
        spread[:, 0] = confidence[:, 0]
        return spread


def test_the_accuracy_of_sure_faces_counts_only_answered_ones() -> None:
    images = np.repeat(np.array([100, 150, 160, 200], np.uint8), 48 * 48).reshape(4, 48, 48)
    some = FaceDataset("greys", images, np.array([0, 0, 1, 0]), np.zeros(4, np.uint8))
    rows = {row.name: row for row in measure_robustness(SureOfBrightFaces(), some, 0.75, 0.5)}
    assert (rows["jpeg"].sure, rows["jpeg"].sure_accuracy) == (0.75, pytest.approx(2 / 3))
    assert (rows["dark"].sure, rows["dark"].sure_accuracy) == (0.25, 1.0)
    (none,) = {(row.sure, row.sure_accuracy) for row in measure_robustness(SureOfBrightFaces(), some, 0.75, 0.95)}
    assert none == (0.0, None)


def test_a_row_is_read_back_from_json() -> None:
    row = RobustnessRow("dark", "darker", 0.5, (0.4, 0.6), 0.1, 0.6, None)
    assert RobustnessRow.from_dict({**vars(row), "interval": [0.4, 0.6]}) == row
