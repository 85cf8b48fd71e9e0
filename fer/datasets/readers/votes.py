"""Read the FER+ votes, `fer2013new.csv`: ten people's answers for each row of FER-2013.

Barsoum et al., Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label Distribution, 2016.
"""

import re
from dataclasses import dataclass, replace
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from fer.datasets.faces import VOTE_COLUMNS
from fer.datasets.readers.lines import numbered_rows
from fer.datasets.readers.split_names import split_named
from fer.datasets.readers.tables import UNKNOWN_USAGE, Table
from fer.datasets.readings import Progress, Reading, silent
from fer.errors import DatasetError

VOTES_FILE: Final = "fer2013new.csv"
_VOTES_NAME: Final = re.compile(r"fer2013new( ?\(\d+\))?\.csv", re.IGNORECASE)
_WANTED: Final = ("usage", *(column.lower() for column in VOTE_COLUMNS))
_USAGE_NAMES: Final = ("Training", "PublicTest", "PrivateTest")


@dataclass(frozen=True, eq=False)
class Votes:
    """The rows of a FER+ file: `usages` (N,) int8, an index into `SPLITS`; `votes` (N, 10) uint8 by `VOTE_COLUMNS`."""

    name: str
    usages: npt.NDArray[np.int8]
    votes: npt.NDArray[np.uint8]


def read_votes(file: IO[bytes], name: str = VOTES_FILE, progress: Progress = silent) -> Votes:
    """Read a FER+ file.

    A damaged row can't be left out, because the votes are joined to FER-2013 by row. `progress` is always called with a
    share of 0; an exception it raises ends the reading.

    Raises:
        DatasetError: a column is missing, or a row holds no usage or vote.
    """
    rows = numbered_rows(file, name, progress=progress)
    names = [column.lower() for column in next(rows, (0, []))[1]]
    missing = [column for column in _WANTED if column not in names]
    if missing:
        raise DatasetError(f"{name} isn't a FER+ file: it has no column {', '.join(missing)}; expected fer2013new.csv.")
    places = [names.index(column) for column in _WANTED]
    usages, votes = [], []
    for number, fields in rows:
        try:
            usage, *numbers = (fields[place] for place in places)
            usages.append(_usage(usage))
            votes.append(np.array([int(value) for value in numbers], np.uint8))
        except (IndexError, KeyError, ValueError, OverflowError) as error:
            raise DatasetError(
                f"{name}, line {number}: expected a Usage and ten votes; download the file again."
            ) from error
    return Votes(name, np.array(usages, np.int8), np.array(votes, np.uint8).reshape(-1, len(VOTE_COLUMNS)))


def _usage(text: str) -> int:
    split = split_named(text)
    if split is None:
        raise ValueError(text)
    return split


def is_votes_name(name: str) -> bool:
    """Return whether a file is named like the votes, in any case and with a browser's suffix: 'FER2013new (1).csv'."""
    return _VOTES_NAME.fullmatch(name) is not None


def has_vote_columns(names: list[str]) -> bool:
    """Return whether a header has the columns of the votes."""
    return set(_WANTED) <= {name.lower() for name in names}


def join_votes(table: Table, votes: Votes) -> Reading:
    """Return the table's reading with the votes for each face.

    The files share only the order of their rows, so `Usage` must agree in every row, also in rejected ones.

    Raises:
        DatasetError: the rows don't agree, or the table has no `Usage` to compare.
    """
    reading, name = table.reading, table.reading.dataset.name
    if table.usages is None:
        raise DatasetError(f"{name} has no column Usage, so {votes.name} can't be joined to it; leave the votes out.")
    if len(table.usages) != len(votes.usages):
        raise DatasetError(
            f"{votes.name} has {len(votes.usages):,} rows and {name} has {len(table.usages):,}, so they don't belong "
            f"together; leave the votes out or give the file that belongs to it."
        )
    differs = (table.usages != votes.usages) & (table.usages != UNKNOWN_USAGE)
    if differs.any():
        row = int(np.argmax(differs))
        raise DatasetError(
            f"{votes.name} doesn't belong to {name}: in row {row + 1:,} it says {_USAGE_NAMES[votes.usages[row]]}, "
            f"and the data say {_USAGE_NAMES[table.usages[row]]}; leave the votes out."
        )
    return replace(reading, dataset=replace(reading.dataset, votes=votes.votes[table.rows]))
