from collections.abc import Callable

import cv2
import numpy as np
import pytest
from skimage import data

from fer.vision.monochrome import brightness_of, is_monochrome
from tests.support.builders import portrait_bgr

Painter = Callable[[np.ndarray], np.ndarray]


def grey(image_bgr: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


def sepia(image_bgr: np.ndarray) -> np.ndarray:
    """Grain, and a tone that leaves the shadows nearly grey, as a JPEG."""
    grain = np.random.default_rng(0).normal(0, 12, (*image_bgr.shape[:2], 1))
    brightness = (grey(image_bgr) + grain).clip(0, 255) / 255
    toned = 255 * brightness ** np.array([1.25, 1.05, 0.9])
    _, file = cv2.imencode(".jpg", toned.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 75])
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)


def pale(image_bgr: np.ndarray) -> np.ndarray:
    """Half of the colour is left."""
    return cv2.addWeighted(image_bgr, 0.5, grey(image_bgr), 0.5, 0)


@pytest.mark.parametrize("source", ["portrait", "coffee", "rocket"])
@pytest.mark.parametrize("width", [300, 2000])
@pytest.mark.parametrize(("paint", "expected"), [(grey, True), (sepia, True), (pale, False), (np.copy, False)])
def test_tones_are_told_from_colours(source: str, width: int, paint: Painter, expected: bool) -> None:
    picture = portrait_bgr() if source == "portrait" else getattr(data, source)()[..., ::-1]
    height = round(width * picture.shape[0] / picture.shape[1])
    image_bgr = cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=cv2.INTER_AREA)
    assert is_monochrome(paint(image_bgr)) is expected


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 5000, 3), (300, 2, 3)])
def test_pictures_of_one_colour_and_strips_are_monochrome(shape: tuple[int, int, int]) -> None:
    assert is_monochrome(np.full(shape, 90, np.uint8))


def test_the_brightness_of_a_toned_photo_is_that_of_the_grey_one() -> None:
    toned = (grey(portrait_bgr()) * np.array([0.8, 1, 1.1])).clip(0, 255).astype(np.uint8)
    np.testing.assert_array_equal(brightness_of(toned), grey(portrait_bgr())[..., 0])
