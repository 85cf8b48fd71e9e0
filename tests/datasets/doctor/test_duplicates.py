from collections.abc import Callable

import cv2
import numpy as np
import pytest

from fer.datasets.doctor.duplicates import exact_groups, near_groups, similarity
from fer.datasets.faces import FaceDataset
from fer.datasets.synthetic import make_synthetic
from tests.support.forms import synthetic_faces

Image = np.ndarray


def everything(images: Image) -> np.ndarray:
    return np.arange(len(images))


def as_lists(groups: list[np.ndarray]) -> list[list[int]]:
    return [group.tolist() for group in groups]


def moved(image: Image, right: int, down: int) -> Image:
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return cv2.warpAffine(image, matrix, (48, 48), borderMode=cv2.BORDER_REPLICATE)


def compressed(image: Image) -> Image:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def smooth_face() -> Image:
    """Return a synthetic face without noise, which JPEG wouldn't keep."""
    return cv2.GaussianBlur(synthetic_faces(20, 0, 0, seed=9).images[11], (3, 3), 0)


VARIANTS: dict[str, Callable[[Image], Image]] = {
    "compressed": compressed,
    "brighter": lambda image: np.clip(image * 0.8 + 30, 0, 255).astype(np.uint8),
    "blurred": lambda image: cv2.GaussianBlur(image, (3, 3), 0),
    "one pixel to the right": lambda image: moved(image, 1, 0),
    "reduced and enlarged": lambda image: cv2.resize(
        cv2.resize(image, (40, 40), interpolation=cv2.INTER_AREA), (48, 48)
    ),
    "one pixel changed": lambda image: np.where(np.indices((48, 48)).sum(axis=0) == 40, image ^ 1, image).astype(
        np.uint8
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_a_near_copy_is_found_among_different_faces(variant: str) -> None:
    strangers = synthetic_faces(60, 0, 0).images
    original = smooth_face()
    images = np.concatenate([strangers, original[None], VARIANTS[variant](original)[None]])
    assert as_lists(near_groups(images, everything(images))) == [[60, 61]]
    assert exact_groups(images, everything(images)) == []


def test_exact_copies_form_one_group_and_are_not_near_copies() -> None:
    dataset: FaceDataset = synthetic_faces(30, 0, 0)
    images = dataset.images[[*range(30), 4, 9, 4]]
    assert as_lists(exact_groups(images, everything(images))) == [[4, 30, 32], [9, 31]]
    assert near_groups(images, everything(images)) == []


def test_exact_copies_of_near_copies_belong_to_their_group() -> None:
    original = smooth_face()
    images = np.concatenate(
        [synthetic_faces(10, 0, 0).images, original[None], compressed(original)[None], original[None]]
    )
    assert as_lists(near_groups(images, everything(images))) == [[10, 11, 12]]


def test_only_the_images_asked_for_are_compared() -> None:
    images = np.repeat(synthetic_faces(5, 0, 0).images, 2, axis=0)
    assert as_lists(exact_groups(images, np.array([0, 1, 2, 4, 5, 7]))) == [[0, 1], [4, 5]]
    assert as_lists(exact_groups(images, np.array([0, 2, 4, 6, 8]))) == []


@pytest.mark.parametrize("seed", [0, 1])
def test_different_synthetic_faces_are_not_copies(seed: int) -> None:
    images = make_synthetic(400, 0, 0, seed).images
    assert near_groups(images, everything(images)) == []


def test_copies_are_found_across_blocks_of_the_search() -> None:
    images = make_synthetic(200, 0, 0).images.copy()
    images[190] = VARIANTS["brighter"](images[3])
    images[70] = VARIANTS["brighter"](images[66])
    assert as_lists(near_groups(images, everything(images))) == [[3, 190], [66, 70]]


def test_similarity_uses_the_best_shift() -> None:
    face = smooth_face()
    assert similarity(face, moved(face, 4, -3)) > 0.999
    assert similarity(face, 255 - face) < 0.5
    assert similarity(face, synthetic_faces(1, 0, 0).images[0]) < 0.9


def test_empty_input_has_no_copies() -> None:
    none = np.empty((0, 48, 48), np.uint8)
    assert exact_groups(none, everything(none)) == [] and near_groups(none, everything(none)) == []
