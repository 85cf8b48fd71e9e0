"""Stored datasets on disk: arrays that load quickly, and a JSON file of facts about them."""

import csv
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Self

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from fer.datasets.faces import SPLITS, FaceDataset
from fer.datasets.readings import Reading, Rejection
from fer.emotions import EMOTIONS, N_EMOTIONS
from fer.errors import DatasetError
from fer.storage.arrays import load_array, map_array
from fer.storage.files import flush
from fer.storage.open_files import read_plain
from fer.storage.schema import Count, Text, fitting, read_object
from fer.storage.values import cleaned, parse, require_time
from fer.text import encodable, spreadsheet_safe

INFO_FILE: Final = "dataset.json"
_OLD_INFO_FILE: Final = "set.json"
REJECTED_FILE: Final = "rejected.csv"
_ORIGINS_FILE: Final = "origins.json"
_GROUPS_FILE: Final = "groups.json"
_FORMAT: Final = 1
CLEANED_COPY: Final = "cleaned copy"
_Row = Annotated[tuple[Count, ...], Meta(min_length=N_EMOTIONS, max_length=N_EMOTIONS)]


@dataclass(frozen=True)
class DatasetInfo:
    """Facts about a stored dataset, known without reading its images.

    Attributes:
        name: its folder's name.
        source: the file or folder it was read from, or the dataset it is a cleaned copy of.
        form: what the source was recognised as: 'CSV', 'image folders', 'cleaned copy'.
        created: when it was stored, ISO 8601 in UTC.
        fingerprint: of its images and labels, see `FaceDataset.fingerprint`.
        counts: images by split and class, in the order of `SPLITS` and `EMOTIONS`.
        n_rejected: rows or files of the source that couldn't be read.
        has_votes: whether it has FER+ votes.
        synthetic: True for synthetic faces.
        n_left_out: faces of a class that this product doesn't have.
        changes: what an import or a cleaned copy left out or changed, a sentence each.
    """

    name: Text
    source: Text
    form: Text
    created: Text
    fingerprint: Text
    counts: Annotated[tuple[_Row, ...], Meta(min_length=len(SPLITS), max_length=len(SPLITS))]
    n_rejected: Count = 0
    has_votes: bool = False
    synthetic: bool = False
    changes: tuple[Text, ...] = ()
    n_left_out: Count = 0

    def __post_init__(self) -> None:
        require_time("created", self.created)
        if encodable(self.name) != self.name:
            raise ValueError("name: it isn't valid Unicode")

    @property
    def n_images(self) -> int:
        """Return the number of images in all splits."""
        return sum(map(sum, self.counts))

    @property
    def copy_of(self) -> str | None:
        """Return the name of the dataset that this one is a cleaned copy of, or None if it is no copy."""
        return self.source if self.form == CLEANED_COPY else None

    @property
    def unit(self) -> str:
        """Return what the source has one of per image: 'row', 'file' or 'image'."""
        return {"CSV": "row", "parquet": "row", "image folders": "file"}.get(self.form, "image")

    @property
    def n_read(self) -> int:
        """Return the rows or files that the source had: kept, rejected and left out."""
        return self.n_images + self.n_rejected + self.n_left_out

    def by_split(self) -> dict[str, int]:
        """Return the number of images of each split that has any."""
        return {name: sum(row) for name, row in zip(SPLITS, self.counts, strict=True) if sum(row)}

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON object: as stored, with the counts by name."""
        counts = {
            split: dict(zip(EMOTIONS, row, strict=True))
            for split, row in zip(SPLITS, self.counts, strict=True)
            if sum(row)
        }
        return {**dataclasses.asdict(self), "n_images": self.n_images, "counts": counts}

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Read the facts that `write_stored` wrote into a folder.

        Raises:
            DatasetError: the file is missing or wasn't written by this program.
        """
        try:
            values = read_object(_info_file(folder))
            if values.get("format") != _FORMAT:
                raise ValueError("another format")
            # A dataset is called what its folder is called, so that one that was moved by hand is found.
            return fitting(values | {"name": folder.name}, cls)
        except (OSError, ValueError) as error:
            raise DatasetError(f"{folder} isn't a dataset of this version ({error}); import it again.") from error


def describe(reading: Reading, name: str, source: str, changes: Sequence[str] = ()) -> DatasetInfo:
    """Return the facts of a reading that will be stored as `name`."""
    dataset = reading.dataset
    return DatasetInfo(
        name=name,
        source=encodable(source),
        form=reading.form,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        fingerprint=dataset.fingerprint,
        counts=tuple(tuple(row) for row in dataset.counts().tolist()),
        n_rejected=len(reading.rejected),
        n_left_out=len(reading.left_out),
        has_votes=dataset.votes is not None,
        synthetic=dataset.synthetic,
        changes=tuple(changes),
    )


def write_stored(folder: Path, reading: Reading, info: DatasetInfo) -> None:
    """Write a dataset into an empty folder, and flush each file to the disk.

    Raises:
        OSError: the disk is full or can't be written.
    """
    dataset = reading.dataset
    arrays: dict[str, npt.NDArray[Any]] = {"images": dataset.images, "labels": dataset.labels, "splits": dataset.splits}
    if dataset.votes is not None:
        arrays["votes"] = dataset.votes
    for name, array in arrays.items():
        with (folder / f"{name}.npy").open("wb") as file:
            np.save(file, array, allow_pickle=False)
            flush(file)
    write_rejections(folder / REJECTED_FILE, (*reading.rejected, *reading.left_out))
    _write_text(folder / _ORIGINS_FILE, json.dumps(reading.origins))
    if reading.groups:
        _write_text(folder / _GROUPS_FILE, json.dumps(reading.groups))
    # Last: a folder with this file is complete.
    _write_text(folder / INFO_FILE, json.dumps({"format": _FORMAT, **dataclasses.asdict(info)}, indent=2))


def is_stored(folder: Path) -> bool:
    """Return whether a folder holds a dataset that `write_stored` wrote."""
    try:
        return _info_file(folder).is_file()
    except OSError:  # a name that no folder can have
        return False


def _info_file(folder: Path) -> Path:
    """Return the file with a stored dataset's facts; datasets imported earlier have it under its old name."""
    old = folder / _OLD_INFO_FILE
    return old if old.is_file() else folder / INFO_FILE


def read_stored(folder: Path, *, in_memory: bool = True) -> Reading:
    """Read a stored dataset.

    Args:
        folder: where `write_stored` wrote it.
        in_memory: False maps the images read-only instead of loading them, for pages that show a few.

    Raises:
        DatasetError: it is damaged or from another version.
    """
    info = DatasetInfo.from_folder(folder)
    try:
        images = (load_array if in_memory else map_array)(folder / "images.npy")
        votes: npt.NDArray[np.uint8] | None = None
        if info.has_votes:
            votes = load_array(folder / "votes.npy")
        dataset = FaceDataset(
            name=info.name,
            images=images,
            labels=load_array(folder / "labels.npy"),
            splits=load_array(folder / "splits.npy"),
            votes=votes,
            synthetic=info.synthetic,
        )
        origins = tuple(fitting(cleaned(parse(read_plain(folder / _ORIGINS_FILE))), list[str]))
        file = folder / _GROUPS_FILE
        groups = tuple(fitting(cleaned(parse(read_plain(file))), list[str])) if file.is_file() else ()
        return Reading(dataset, origins, groups=groups, form=info.form)
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"The dataset in {folder} is damaged ({error}); delete it and import it again.") from error


def write_rejections(path: Path, rejected: Sequence[Rejection]) -> None:
    """Write the rows or files that were not imported as CSV: where, reason."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["where", "reason"])
        writer.writerows([spreadsheet_safe(item.where), spreadsheet_safe(item.reason)] for item in rejected)
        flush(file)


def _write_text(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        flush(file)
