"""The data sets of this installation: `FER_HOME/data/<name>/`, several side by side."""

import re
from pathlib import Path
from typing import Final

from fer.datasets.readings import Reading
from fer.datasets.store import staging
from fer.datasets.store.storage import INFO_FILE, DatasetInfo, is_stored, read_stored
from fer.errors import DatasetError
from fer.paths import data_dir

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_RESERVED: Final = frozenset({"synthetic", "train", "test", "validation", "val"})


def list_datasets() -> list[DatasetInfo]:
    """The stored sets by name; a folder that is no set is passed over."""
    if not data_dir().is_dir():
        return []
    found = []
    for folder in sorted(data_dir().iterdir()):
        if not folder.name.startswith(".") and is_stored(folder):
            try:
                found.append(DatasetInfo.from_file(folder / INFO_FILE))
            except DatasetError:
                continue
    return found


def dataset_folder(name: str) -> Path:
    """The folder of a stored set.

    Raises:
        DatasetError: there is no such set.
    """
    folder = data_dir() / name
    # A folder that was renamed by hand may be called what no import would call it.
    if Path(name).name != name or not name or name.startswith(".") or not is_stored(folder):
        have = ", ".join(info.name for info in list_datasets()) or "none yet"
        raise DatasetError(f"There is no data set '{name}'; choose one of: {have}.")
    return folder


def get_info(name: str) -> DatasetInfo:
    """What is known of a stored set.

    Raises:
        DatasetError: there is no such set, or it is damaged.
    """
    return DatasetInfo.from_file(dataset_folder(name) / INFO_FILE)


def open_dataset(name: str, *, in_memory: bool = True) -> Reading:
    """A stored set; see `read_stored`.

    Raises:
        DatasetError: there is no such set, or it is damaged.
    """
    return read_stored(dataset_folder(name), in_memory=in_memory)


def disk_bytes(name: str) -> int:
    """What a stored set takes on the disk, in bytes.

    Raises:
        DatasetError: there is no such set.
    """
    return sum(file.stat().st_size for file in dataset_folder(name).rglob("*") if file.is_file())


def delete_dataset(name: str) -> None:
    """Delete a stored set and its corrections.

    Raises:
        DatasetError: there is no such set, or it cannot be deleted.
    """
    staging.remove(dataset_folder(name))


def check_new_name(name: str) -> Path:
    """The folder that a new set of this name will have.

    Raises:
        DatasetError: the name is taken or cannot be a folder's.
    """
    if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
        raise DatasetError(
            f"'{name}' cannot be the name of a data set; use up to 60 letters, digits, dots, dashes and underscores."
        )
    if (data_dir() / name).exists():
        raise DatasetError(f"There is a '{name}' in {data_dir()} already; choose another name or delete that set.")
    return data_dir() / name


def suggest_name(source: str) -> str:
    """A free name for a new set, after the file or folder it comes from: 'fer2013', else 'fer2013-2'."""
    stem = re.sub(r"\.(zip|csv)$", "", Path(source).name, flags=re.IGNORECASE)
    base = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:50] or "faces"
    base = f"{base}-set" if base.lower() in _RESERVED else base
    name, number = base, 1
    while (data_dir() / name).exists():
        number += 1
        name = f"{base}-{number}"
    return name
