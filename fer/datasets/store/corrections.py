"""Labels corrected by hand, in a small CSV next to the data. The data themselves are never changed."""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.datasets.faces import FaceDataset
from fer.datasets.readings import Reading
from fer.datasets.store.storage import is_stored
from fer.emotions import EMOTIONS
from fer.errors import DatasetError
from fer.storage.files import replacing
from fer.text import counted

DISCARD: Final = "discard"
_COLUMNS: Final = ("image", "digest", "was", "now")


@dataclass(frozen=True)
class Correction:
    """A correction of one image.

    Attributes:
        index: the image's position in the dataset, from 0.
        digest: of its pixels, see `image_digest`, so that a correction is never applied to another image.
        was: the label in the data, 0..6.
        now: the right label, 0..6; the same as `was` confirms it; None discards the image.
    """

    index: int
    digest: str
    was: int
    now: int | None


def image_digest(image: npt.NDArray[np.uint8]) -> str:
    """Return a digest of an image's pixels, 16 hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()[:16]


def correct(dataset: FaceDataset, index: int, now: int | None) -> Correction:
    """Return a correction of one image; `now` is a label 0..6, or None to discard the image."""
    return Correction(index, image_digest(dataset.images[index]), int(dataset.labels[index]), now)


def corrections_file(source: Path) -> Path:
    """Return the file for corrections: in the folder of a stored dataset, else next to the file or folder."""
    if is_stored(source):
        return source / "corrections.csv"
    return source.with_name(f"{source.stem if source.is_file() else source.name}.corrections.csv")


def read_corrections(path: Path) -> list[Correction]:
    """Read the corrections in the order they were made; none if there is no file.

    Raises:
        DatasetError: a row isn't a correction, or the file can't be read.
    """
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            return [_correction(row, f"{path}, line {rows.line_num}") for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} isn't a CSV in UTF-8 ({error}); save it as one, or delete it.") from error
    except OSError as error:
        raise DatasetError(f"{path} can't be read ({error.strerror}); check its permissions.") from error


def _correction(row: dict[str, str], where: str) -> Correction:
    try:
        now = None if row["now"] == DISCARD else EMOTIONS.index(row["now"])
        return Correction(int(row["image"]), row["digest"], EMOTIONS.index(row["was"]), now)
    except (KeyError, ValueError, TypeError) as error:
        raise DatasetError(
            f"{where}: expected image, digest, was, now, where now is an emotion or '{DISCARD}'; fix or delete "
            "that line."
        ) from error


def write_corrections(path: Path, corrections: Sequence[Correction]) -> None:
    """Replace the file atomically; without corrections it is deleted.

    Raises:
        DatasetError: the file can't be written.
    """
    try:
        if not corrections:
            path.unlink(missing_ok=True)
            return
        with replacing(path) as stream:
            file = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            for item in corrections:
                now = DISCARD if item.now is None else EMOTIONS[item.now]
                writer.writerow([item.index, item.digest, EMOTIONS[item.was], now])
            file.detach()
    except OSError as error:
        raise DatasetError(
            f"{path} can't be written ({error.strerror}); the correction wasn't saved. Check the disk."
        ) from error


def latest(corrections: Sequence[Correction]) -> dict[int, Correction]:
    """Return the last correction of each image, by its position in the dataset."""
    return {item.index: item for item in corrections}


def reviewed_images(dataset: FaceDataset, corrections: Sequence[Correction]) -> dict[int, Correction]:
    """Return the last correction of each image, after checking that each belongs to this dataset.

    Raises:
        DatasetError: the image at a correction's position is another one.
    """
    for item in corrections:
        if not (0 <= item.index < len(dataset)) or image_digest(dataset.images[item.index]) != item.digest:
            raise DatasetError(
                f"The corrections of {dataset.name} don't belong to these images (image {item.index}); "
                f"delete the corrections or restore the data they were made on."
            )
    return latest(corrections)


def relabelled(dataset: FaceDataset, reviewed: Mapping[int, Correction]) -> FaceDataset:
    """Return all images with the corrected labels; see `reviewed_images`."""
    labels = dataset.labels.copy()
    for index, item in reviewed.items():
        labels[index] = labels[index] if item.now is None else item.now
    return replace(dataset, labels=labels)


def correct_reading(reading: Reading, corrections: Sequence[Correction]) -> Reading:
    """Return the reading with corrected labels and without the discarded images.

    Raises:
        DatasetError: as `reviewed_images`.
    """
    reviewed = reviewed_images(reading.dataset, corrections)
    discarded = [index for index, item in reviewed.items() if item.now is None]
    kept = np.setdiff1d(np.arange(len(reading.dataset)), np.array(discarded, np.int64))
    return replace(reading, dataset=relabelled(reading.dataset, reviewed)).take(kept)


def not_applied(corrections: Sequence[Correction]) -> str:
    """Return the sentence that a copy lacks corrections, or '' if there are none."""
    number = len(latest(corrections))
    return f"Not applied: {counted(number, 'correction')} made by hand." if number else ""


def apply_corrections(dataset: FaceDataset, corrections: Sequence[Correction]) -> FaceDataset:
    """Return the dataset with corrected labels and without the discarded images.

    Raises:
        DatasetError: as `reviewed_images`.
    """
    return correct_reading(Reading(dataset, ("",) * len(dataset)), corrections).dataset
