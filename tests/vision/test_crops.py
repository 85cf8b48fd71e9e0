import cv2
import numpy as np
import pytest

from fer.vision.crops import LEAST_ROLL, crop_faces, cut_square


def ramp(height: int = 200, width: int = 240) -> np.ndarray:
    """Return grey that rises by 1 per pixel to the right, (H, W), so a crop's values tell its position."""
    return np.tile(np.arange(width, dtype=np.uint8), (height, 1))


def dot(x: int, y: int, height: int = 200, width: int = 240) -> np.ndarray:
    image = np.zeros((height, width), np.uint8)
    image[y, x] = 255
    return image


def test_a_square_of_48_is_cut_unchanged() -> None:
    image = np.random.default_rng(0).integers(0, 256, (100, 120), dtype=np.uint8)
    crops = crop_faces(image, [(30, 20, 48, 48)], 1.0)
    assert crops.shape == (1, 48, 48, 1) and crops.dtype == np.uint8
    np.testing.assert_array_equal(crops[0, ..., 0], image[20:68, 30:78])


@pytest.mark.parametrize(
    ("box", "scale", "left", "side"),
    [
        ((50, 50, 48, 48), 1.0, 50, 48),
        ((50, 50, 60, 60), 0.8, 56, 48),
        ((50, 50, 40, 40), 1.2, 46, 48),
        ((50, 50, 96, 24), 1.0, 74, 48),  # the square of the same area, round the same centre
        ((50, 50, 24, 96), 1.0, 38, 48),
        ((20, 20, 96, 96), 1.1, 15, 106),
    ],
)
def test_side_is_scale_times_the_root_of_the_area_round_the_centre(box, scale, left, side) -> None:
    crop = crop_faces(ramp(), [box], scale)[0, ..., 0].astype(float)
    step = side / 48
    # A crop's pixel is the mean of the pixels it covers.
    expected = left + step * (np.arange(48) + 0.5) - 0.5
    np.testing.assert_allclose(crop[24], expected, atol=1.0)
    turned = crop_faces(ramp(240, 200).T.copy(), [(box[1], box[0], box[3], box[2])], scale)[0, ..., 0]
    np.testing.assert_array_equal(turned.T, crop)


def test_the_centre_stays_in_the_middle_of_the_crop() -> None:
    crop = crop_faces(dot(100, 80), [(77, 57, 48, 48)], 1.0)[0, ..., 0]
    assert np.argwhere(crop).tolist() == [[23, 23]]
    large = crop_faces(dot(100, 80), [(100 - 48, 80 - 48, 96, 96)], 1.0)[0, ..., 0]
    assert np.argwhere(large).tolist() == [[24, 24]]


@pytest.mark.parametrize("left", [10.5, 11.5, 12.5, 13.5])
def test_half_pixels_all_go_the_same_way(left: float) -> None:
    crop = crop_faces(ramp(), [(left, 20, 48, 48)], 1.0)
    assert crop[0, 0, 0, 0] == left + 0.5


@pytest.mark.parametrize(
    ("box", "corner", "value"),
    [
        ((-24, 50, 48, 48), (0, 0), 0),
        ((-24, 50, 48, 48), (0, 23), 0),
        ((-24, 50, 48, 48), (0, 47), 23),
        ((216, 50, 48, 48), (0, 0), 216),
        ((216, 50, 48, 48), (0, 47), 239),
        ((50, -24, 48, 48), (0, 47), 97),
        ((50, 176, 48, 48), (47, 0), 50),
        ((-500, -500, 48, 48), (20, 20), 0),
        ((900, 900, 48, 48), (20, 20), 239),
    ],
)
def test_outside_the_image_the_border_is_repeated(box, corner, value) -> None:
    assert crop_faces(ramp(), [box], 1.0)[0, corner[0], corner[1], 0] == value


def test_a_box_larger_than_the_picture() -> None:
    crop = crop_faces(ramp(20, 30), [(-30, -30, 96, 96)], 1.0)[0, ..., 0]
    assert crop[:, 0].max() == 0 and crop[:, -1].min() == 29


def test_colour_becomes_grey_as_opencv_weighs_it() -> None:
    image_bgr = np.zeros((60, 60, 3), np.uint8)
    image_bgr[:] = (200, 100, 50)
    expected = round(0.114 * 200 + 0.587 * 100 + 0.299 * 50)
    assert np.unique(crop_faces(image_bgr, [(5, 5, 48, 48), (-20, -20, 30, 30)], 1.0)).tolist() == [expected]


def test_small_faces_are_enlarged_even_from_one_pixel() -> None:
    image = np.zeros((40, 40), np.uint8)
    image[:, 20:] = 240
    crop = crop_faces(image, [(10, 10, 20, 20)], 1.0)[0, ..., 0].astype(int)
    assert (np.diff(crop, axis=1) >= 0).all() and crop[24, 0] == 0 and crop[24, -1] == 240
    assert crop_faces(np.full((1, 1), 7, np.uint8), [(0, 0, 1, 1), (0, 0, 0.2, 0.2)], 1.0).min() == 7


def test_many_faces_keep_their_order_and_no_faces_give_an_empty_batch() -> None:
    boxes = np.array([[x, 10, 48, 48] for x in (0, 150, 75)], np.float32)
    assert crop_faces(ramp(), boxes, 1.0)[:, 0, 0, 0].tolist() == [0, 150, 75]
    assert crop_faces(ramp(), np.empty((0, 4), np.float32), 1.0).shape == (0, 48, 48, 1)
    assert crop_faces(ramp(), [], 1.1).shape == (0, 48, 48, 1)


def test_the_image_is_unchanged() -> None:
    image = ramp()
    image.setflags(write=False)
    crop_faces(image, [(-5, -5, 60, 60), (10, 10, 48, 48)], 1.0)[:] = 0
    assert image[0, 47] == 47


@pytest.mark.parametrize("roll", [30, 90, 180, -120, 45])
@pytest.mark.parametrize("side", [60, 300])
def test_a_turned_head_is_turned_back(roll: float, side: int) -> None:
    """An image turned clockwise around its middle gives the crop of the original."""
    image = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 256, (601, 601)).astype(np.uint8), (0, 0), side / 12)
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)
    matrix = cv2.getRotationMatrix2D((300, 300), -roll, 1)
    turned = np.asarray(cv2.warpAffine(image, matrix, (601, 601)), np.uint8)
    box = [(300.5 - side / 2, 300.5 - side / 2, side, side)]
    upright = crop_faces(image, box, 1.0)[0].astype(int)
    back = crop_faces(turned, box, 1.0, [roll])[0].astype(int)
    assert np.abs(back - upright).mean() < 6
    assert np.abs(crop_faces(turned, box, 1.0)[0].astype(int) - upright).mean() > 20


def test_a_small_roll_changes_nothing() -> None:
    box = [(30, 20, 48, 48)]
    plain = crop_faces(ramp(), box, 1.0)
    assert np.array_equal(crop_faces(ramp(), box, 1.0, [LEAST_ROLL - 0.1]), plain)
    assert not np.array_equal(crop_faces(ramp(), box, 1.0, [LEAST_ROLL]), plain)


def test_points_of_a_crop_are_mapped_back_to_the_image() -> None:
    square = cut_square(ramp(400, 400), (200, 150), 100, 50, roll=90)
    # Upright in the square, its top is on the right in the image.
    np.testing.assert_allclose(
        square.in_image(np.array([[25, 25], [25, 0]], np.float32)), [[200, 150], [250, 150]], atol=2
    )
    assert square.step == pytest.approx(2, abs=0.05)
