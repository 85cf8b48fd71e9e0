"""The stored datasets of this installation, one folder each: `FER_HOME/data/<name>/`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fer.datasets.readings import Reading
from fer.datasets.store import staging
from fer.datasets.store.storage import DatasetInfo, is_stored, read_stored
from fer.errors import DatasetError
from fer.paths import data_dir

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_SUFFIXES: Final = re.compile(r"(\.(csv|tsv|txt|zip|tar|tgz|gz|bz2|xz|parquet|npz))+$", re.IGNORECASE)
_RESERVED: Final = frozenset({"synthetic", "train", "test", "validation", "val"})


def list_datasets() -> list[DatasetInfo]:
    """Return the stored datasets by name; damaged ones and other folders are skipped."""
    return [item for item in _stored() if isinstance(item, DatasetInfo)]


def list_damaged() -> list[str]:
    """Return a sentence about each stored dataset that can't be read."""
    return [item for item in _stored() if isinstance(item, str)]


def _stored() -> Iterator[DatasetInfo | str]:
    if not data_dir().is_dir():
        return
    for folder in sorted(data_dir().iterdir()):
        if not folder.name.startswith(".") and is_stored(folder):
            try:
                yield DatasetInfo.from_folder(folder)
            except DatasetError as error:
                yield str(error)


def dataset_folder(name: str) -> Path:
    """Return the folder of a stored dataset.

    Raises:
        DatasetError: there is no such dataset.
    """
    folder = data_dir() / name
    # A folder renamed by hand may have a name that no import would choose.
    if Path(name).name != name or not name or name.startswith(".") or not is_stored(folder):
        have = ", ".join(info.name for info in list_datasets())
        advice = f"choose one of: {have}" if have else "import one first"
        raise DatasetError(f"There is no dataset '{name}'; {advice}.")
    return folder


def get_info(name: str) -> DatasetInfo:
    """Return the facts of a stored dataset.

    Raises:
        DatasetError: there is no such dataset, or it is damaged.
    """
    return DatasetInfo.from_folder(dataset_folder(name))


def open_dataset(name: str, *, in_memory: bool = True) -> Reading:
    """Read a stored dataset, as `read_stored` does.

    Raises:
        DatasetError: there is no such dataset, or it is damaged.
    """
    return read_stored(dataset_folder(name), in_memory=in_memory)


def disk_bytes(name: str) -> int:
    """Return the size of a stored dataset on disk, in bytes.

    Raises:
        DatasetError: there is no such dataset.
    """
    return sum(file.stat().st_size for file in dataset_folder(name).rglob("*") if file.is_file())


def delete_dataset(name: str) -> None:
    """Delete a stored dataset and its corrections.

    Raises:
        DatasetError: there is no such dataset, or it can't be deleted.
    """
    staging.remove(dataset_folder(name))


def check_new_name(name: str) -> Path:
    """Return the folder for a new dataset of this name.

    Raises:
        DatasetError: the name is taken or can't be a folder's name.
    """
    if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
        raise DatasetError(
            f"'{name}' can't be the name of a dataset; use up to 60 letters, digits, dots, dashes and underscores."
        )
    if (data_dir() / name).exists():
        raise DatasetError(f"'{name}' already exists in {data_dir()}; choose another name or delete it first.")
    return data_dir() / name


def suggest_name(source: str) -> str:
    """Return a free name for a new dataset, after the file or folder it comes from: 'fer2013', else 'fer2013-2'."""
    stem = re.sub(_SUFFIXES, "", Path(source).name)
    base = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:50] or "faces"
    base = f"{base}-faces" if base.lower() in _RESERVED else base
    name, number = base, 1
    while (data_dir() / name).exists():
        number += 1
        name = f"{base}-{number}"
    return name
