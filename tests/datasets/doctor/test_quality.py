from collections.abc import Callable

import cv2
import numpy as np
import pytest

from fer.datasets.doctor import quality
from fer.datasets.doctor.quality import faceless_images, flat_images
from fer.vision.samples import sample_portrait
from tests.support.forms import synthetic_faces


def level(grey: int) -> np.ndarray:
    return np.full((48, 48), grey, np.uint8)


def with_spot(size: int) -> np.ndarray:
    image = level(0)
    image[:size, :size] = 255
    return image


def ramp(least: int, most: int) -> np.ndarray:
    return np.tile(np.linspace(least, most, 48), (48, 1)).astype(np.uint8)


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (level(0), "blank"),
        (level(131), "blank"),
        (level(255), "blank"),
        (with_spot(1), "near"),
        (with_spot(14), "near"),
        (with_spot(18), ""),
        (ramp(100, 110), "near"),
        (ramp(100, 130), ""),
        (np.clip(np.random.default_rng(0).normal(90, 2, (48, 48)), 0, 255).astype(np.uint8), "near"),
        (np.clip(np.random.default_rng(0).normal(90, 20, (48, 48)), 0, 255).astype(np.uint8), ""),
    ],
)
def test_flat_images_are_blank_or_near_constant(image: np.ndarray, kind: str) -> None:
    images = np.concatenate([synthetic_faces(3, 0, 0).images, image[None]])
    blank, near = flat_images(images)
    assert blank.tolist() == ([3] if kind == "blank" else [])
    assert near.tolist() == ([3] if kind == "near" else [])


def checks() -> np.ndarray:
    return ((np.indices((48, 48)).sum(0) // 6 % 2) * 255).astype(np.uint8)


def warning_sign() -> np.ndarray:
    image = level(0)
    cv2.polylines(image, [np.array([(24, 6), (42, 40), (6, 40)], np.int32)], True, 255, 3)
    cv2.line(image, (24, 18), (24, 30), 255, 3)
    return image


NO_FACES: dict[str, Callable[[], np.ndarray]] = {
    "noise": lambda: np.random.default_rng(1).integers(0, 256, (48, 48)).astype(np.uint8),
    "checks": checks,
    "ramp": lambda: ramp(0, 255),
    "sign": warning_sign,
}


@pytest.mark.parametrize("name", NO_FACES)
def test_an_image_without_a_face_is_found_among_faces(name: str) -> None:
    images = np.concatenate([synthetic_faces(40, 0, 0).images, NO_FACES[name]()[None]])
    found = faceless_images(images, np.arange(41))
    assert found is not None and found.tolist() == [40]


def test_a_photographed_face_is_found_small_dark_and_tilted() -> None:
    portrait = cv2.imdecode(np.frombuffer(sample_portrait(), np.uint8), cv2.IMREAD_GRAYSCALE)
    face = cv2.resize(portrait[60:260, 130:310], (48, 48), interpolation=cv2.INTER_AREA)
    turned = cv2.warpAffine(face, cv2.getRotationMatrix2D((24, 24), 25, 1), (48, 48), borderMode=cv2.BORDER_REPLICATE)
    images = np.stack([face, face // 4, turned, face[:, ::-1]])
    found = faceless_images(images, np.arange(4))
    assert found is not None and found.tolist() == []


def test_only_the_given_images_are_searched() -> None:
    images = np.stack([checks()] * 600)
    found = faceless_images(images, np.array([1, 7, 599]))
    assert found is not None and found.tolist() == [1, 7, 599]


def test_nothing_is_searched_without_the_detectors_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "yunet_file", lambda: None)
    assert faceless_images(synthetic_faces(3, 0, 0).images, np.arange(3)) is None


def test_the_search_can_be_cancelled() -> None:
    calls = []

    def cancel(share: float, text: str) -> None:
        calls.append(share)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        faceless_images(synthetic_faces(20, 0, 0).images, np.arange(20), cancel)
    assert len(calls) == 1
