"""Import a dataset: read it, validate it, and store it completely or not at all."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

from fer.datasets.readers.label_files import NO_MAJORITY
from fer.datasets.readers.names import NOT_OF_THE_SEVEN
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.sources import read_uploads, sort_uploads
from fer.datasets.readings import Progress, Reading, missing_classes, silent
from fer.datasets.store import catalog
from fer.datasets.store.loading import read_source
from fer.datasets.store.staging import clean_staging, staged
from fer.datasets.store.storage import DatasetInfo, describe, write_stored
from fer.errors import DatasetError, shortened
from fer.paths import data_dir
from fer.text import counted, printable

# Reading takes nearly all of the time; the rest is writing and the fingerprint.
_READING_SHARE: Final = 0.95
_BYTES_AN_IMAGE: Final = 2500  # 2,304 pixels, and their label, split and origin


def import_path(
    path: Path, name: str | None = None, options: ReadOptions | None = None, progress: Progress = silent
) -> DatasetInfo:
    """Import a file or folder of any form listed in docs/data.md.

    Args:
        path: the file or folder.
        name: of the new dataset; None takes the file's.
        options: what the user says of the source.
        progress: called as the work proceeds; an exception it raises cancels the import, and nothing is changed.

    Raises:
        LabelOrderError: classes are numbers, and the order isn't known.
        DatasetError: it isn't in a known form, too much of it can't be read, the name is taken, or the disk is full.
    """
    target = catalog.check_new_name(name or catalog.suggest_name(path.resolve().name))
    reading = read_source(path, options, _first_part(progress))
    return store(reading, target.name, str(path), progress=progress)


def import_uploads(
    files: Mapping[str, IO[bytes]],
    name: str | None = None,
    options: ReadOptions | None = None,
    progress: Progress = silent,
) -> DatasetInfo:
    """Import uploaded files: a dataset, and optionally a FER+ file or label files.

    Raises:
        DatasetError: as `import_path`.
    """
    target = catalog.check_new_name(name or catalog.suggest_name(sort_uploads(files).data))
    reading = read_uploads(files, options, _first_part(progress))
    return store(reading, target.name, ", ".join(files), progress=progress)


def store(
    reading: Reading, name: str, source: str, changes: tuple[str, ...] = (), progress: Progress = silent
) -> DatasetInfo:
    """Store a reading as a new dataset.

    Raises:
        DatasetError: the name is taken, or the disk is full.
    """
    clean_staging()
    target = catalog.check_new_name(name)
    progress(_READING_SHARE, "Storing")
    reading = reading.renamed(name)
    info = describe(reading, name, source, (*changes, *_remarks(reading)))
    with staged(target, len(reading.dataset) * _BYTES_AN_IMAGE) as folder:
        write_stored(folder, reading, info)
        # The last moment to cancel: after it, the dataset exists.
        progress(1.0, "Stored")
    return info


def _remarks(reading: Reading) -> list[str]:
    """Return what a user should know of a new dataset, a sentence each."""
    remarks = list(reading.notes)
    for reason, number in Counter(_kind_of_reason(item.reason) for item in reading.left_out).items():
        remarks.append(f"Left out, {reason}: {counted(number, 'image')}.")
    if missing := missing_classes(reading.dataset):
        remarks.append(
            f"No image of {', '.join(missing)}: the dataset can be viewed and evaluated, but training needs all seven "
            f"classes."
        )
    return remarks


def _kind_of_reason(reason: str) -> str:
    if reason.endswith((NOT_OF_THE_SEVEN, NO_MAJORITY)):
        return f"because {reason}"
    return re.sub(r"^\d+ faces", "several faces", reason)


def inside_data(text: str) -> Path:
    """Return the path of a file or folder that a user names inside `data/`.

    Raises:
        DatasetError: the path leads out of it, also by a link, or doesn't exist.
    """
    root = data_dir().resolve()
    try:
        path = (root / text.strip()).resolve()
        is_there = path.exists()
    except (OSError, ValueError) as error:  # too long for a path, or with a forbidden character
        raise DatasetError(
            f"'{shortened(printable(text))}' can't be a path; give the name of a file inside {root}."
        ) from error
    if not text.strip() or not path.is_relative_to(root):
        raise DatasetError(f"'{text}' is not inside {root}; put the file there and give its name.")
    if not is_there:
        raise DatasetError(f"There is no '{text}' inside {root}; put the file there and give its name.")
    return path


def _first_part(progress: Progress) -> Progress:
    def report(share: float, text: str) -> None:
        progress(share * _READING_SHARE, text)

    return report
