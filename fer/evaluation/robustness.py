"""Robustness: a table of image corruptions, and a model's accuracy and confidence under each."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Self

import cv2
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from fer.arrays import SIDE, Image
from fer.datasets.faces import FaceDataset
from fer.evaluation import patterns
from fer.evaluation.metrics import Classifier, predict, wilson_interval
from fer.storage.schema import Share, Text, fitting

_CENTRE: Final = ((SIDE - 1) / 2, (SIDE - 1) / 2)
# Rows or columns of a face.
_LOWER: Final = slice(SIDE // 2, None)
_UPPER: Final = slice(None, SIDE // 2)
_ALL: Final = slice(None)
# The label of faces that aren't corrupted.
CLEAN: Final = "unchanged"


@dataclass(frozen=True)
class Transform:
    """One way to corrupt a face.

    Attributes:
        name: the stable name in files.
        label: for people, with the strength.
        apply: takes (48, 48) uint8 and a number that belongs to the face, and returns a new (48, 48) uint8. Directions
            and noise follow from the number, so that neither the order of the faces nor a seed changes a result.
    """

    name: str
    label: str
    apply: Callable[[Image, int], Image]


def _gamma(exponent: float) -> Callable[[Image, int], Image]:
    table = np.round(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return lambda image, _: table[image]


def _blurred(sigma: float) -> Callable[[Image, int], Image]:
    return lambda image, _: np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def _moved(image: Image, matrix: npt.NDArray[Any]) -> Image:
    moved = cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _turned(degrees: float) -> Callable[[Image, int], Image]:
    def turn(image: Image, number: int) -> Image:
        return _moved(image, cv2.getRotationMatrix2D(_CENTRE, degrees * (1 if number % 2 else -1), 1))

    return turn


def _cropped(side: float) -> Callable[[Image, int], Image]:
    """Crop as a box with `side` times the side and the same centre would."""
    matrix = cv2.getRotationMatrix2D(_CENTRE, 0, 1 / side)
    return lambda image, _: _moved(image, matrix)


def _shifted(share: float) -> Callable[[Image, int], Image]:
    def shift(image: Image, number: int) -> Image:
        x, y = ((1, 0), (-1, 0), (0, 1), (0, -1))[number % 4]
        return _moved(image, np.array([[1, 0, x * share * SIDE], [0, 1, y * share * SIDE]]))

    return shift


def _shrunk(side: int) -> Callable[[Image, int], Image]:
    def shrink(image: Image, _: int) -> Image:
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.uint8)

    return shrink


def _jpeg(quality: int) -> Callable[[Image, int], Image]:
    def compress(image: Image, _: int) -> Image:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)

    return compress


def _noisy(sigma: float) -> Callable[[Image, int], Image]:
    def add(image: Image, number: int) -> Image:
        noise = np.random.default_rng(number).normal(0, sigma, image.shape)
        return np.clip(np.round(image + noise), 0, 255).astype(np.uint8)

    return add


def _covered(rows: slice, columns: slice, grey: int) -> Callable[[Image, int], Image]:
    def cover(image: Image, _: int) -> Image:
        covered = image.copy()
        covered[rows, columns] = grey
        return covered

    return cover


# Strengths that webcams and detectors reach in use: boxes scatter by 15 to 19 % of their side from frame to frame.
TRANSFORMS: Final = (
    Transform("dark", "darker (gamma 2)", _gamma(2.0)),
    Transform("bright", "brighter (gamma 0.5)", _gamma(0.5)),
    Transform("blur", "blurred (sigma 1.5)", _blurred(1.5)),
    Transform("turned_10", "turned by 10°", _turned(10)),
    Transform("turned_20", "turned by 20°", _turned(20)),
    Transform("small", "24 pixels wide", _shrunk(24)),
    Transform("jpeg", "JPEG quality 20", _jpeg(20)),
    Transform("noise", "noise (sigma 15)", _noisy(15)),
    Transform("covered", "lower half covered", _covered(_LOWER, _ALL, 128)),
    Transform("patterned", "a half under a pattern", patterns.hiding_a_half(patterns.any_pattern)),
    Transform("tight", "10 % tighter", _cropped(0.9)),
    Transform("wide", "10 % wider", _cropped(1.1)),
    Transform("shifted", "shifted by 8 %", _shifted(0.08)),
)

# Weaker and stronger than in the table, and covered elsewhere. The temperature per face is fitted on both.
STRENGTHS: Final = (
    Transform("darker", "gamma 3", _gamma(3.0)),
    Transform("brighter", "gamma 0.35", _gamma(0.35)),
    Transform("blurred_little", "sigma 0.8", _blurred(0.8)),
    Transform("blurred_much", "sigma 2.5", _blurred(2.5)),
    Transform("turned_30", "turned by 30°", _turned(30)),
    Transform("smaller", "16 pixels wide", _shrunk(16)),
    Transform("jpeg_10", "JPEG quality 10", _jpeg(10)),
    Transform("noise_little", "sigma 7", _noisy(7)),
    Transform("noise_much", "sigma 30", _noisy(30)),
    Transform("lower_white", "lower half white", _covered(_LOWER, _ALL, 255)),
    Transform("left_black", "left half black", _covered(_ALL, _UPPER, 0)),
    Transform("upper_grey", "upper half grey", _covered(_UPPER, _ALL, 90)),
)

# What hides a half of a face is seldom plain.
COVERS: Final = (
    Transform("half_striped", "a half under stripes", patterns.hiding_a_half(patterns.stripes)),
    Transform("half_checked", "a half under checks", patterns.hiding_a_half(patterns.checks)),
    Transform("half_under_cloth", "a half under cloth", patterns.hiding_a_half(patterns.cloth)),
    Transform("half_behind_thing", "a half behind a thing", patterns.hiding_a_half(patterns.thing)),
)

# A network reads stripes instead of a mouth as some expression, and is as sure of it as of any other.
LOWER_COVERS: Final = (
    Transform("striped", "lower half under stripes", patterns.hiding_the_lower_half(patterns.stripes)),
    Transform("under_cloth", "lower half under cloth", patterns.hiding_the_lower_half(patterns.cloth)),
    Transform("behind_thing", "lower half behind a thing", patterns.hiding_the_lower_half(patterns.thing)),
)


def corrupt(faces: FaceDataset, transform: Transform) -> FaceDataset:
    """Return the same labelled faces, each transformed."""
    images = [transform.apply(image, zlib.crc32(image.tobytes())) for image in faces.images]
    return replace(faces, images=np.array(images, np.uint8).reshape(-1, SIDE, SIDE))


@dataclass(frozen=True)
class RobustnessRow:
    """A model under one transform.

    Attributes:
        name, label: of the transform.
        accuracy: accuracy on the transformed faces, 0..1.
        interval: the bounds of its 95 % interval (Wilson).
        lost: accuracy on the clean faces minus this one; negative if the transform helps.
        sure: share of the transformed faces that are answered, 0..1; the others are 'not sure'.
        sure_accuracy: accuracy on the answered faces, 0..1; None if none is answered.
    """

    name: Text
    label: Text
    accuracy: Share
    interval: tuple[Share, Share]
    lost: Annotated[float, Meta(ge=-1, le=1)]
    sure: Share
    sure_accuracy: Share | None

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the row with the values of `dataclasses.asdict`.

        Raises:
            ValuesError: a value is missing, of another type, or out of its range.
        """
        return fitting(values, cls)


def measure_robustness(
    classifier: Classifier,
    faces: FaceDataset,
    clean_accuracy: float,
    confidence_threshold: float,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[RobustnessRow, ...]:
    """Measure a model under every transform of `TRANSFORMS`, in their order.

    Args:
        classifier: the model.
        faces: N labelled faces, clean.
        clean_accuracy: the model's accuracy on them, 0..1.
        confidence_threshold: confidence in 0..1 below which the model is 'not sure'.
        on_progress: called after each batch with the number of faces done and the total, over all transforms.

    Raises:
        EvaluationError: there is no face.
    """
    rows = []
    total = len(faces) * len(TRANSFORMS)
    for index, transform in enumerate(TRANSFORMS):
        before = index * len(faces)

        def report(done: int, _: int, before: int = before) -> None:
            if on_progress:
                on_progress(before + done, total)

        predictions = predict(classifier, corrupt(faces, transform), report)
        n_right = int(predictions.correct.sum())
        accuracy = n_right / len(faces)
        answered = predictions.answered(confidence_threshold)
        rows.append(
            RobustnessRow(
                name=transform.name,
                label=transform.label,
                accuracy=accuracy,
                interval=wilson_interval(n_right, len(faces)),
                lost=clean_accuracy - accuracy,
                sure=answered.coverage,
                sure_accuracy=answered.accuracy,
            )
        )
    return tuple(rows)
