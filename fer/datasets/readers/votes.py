"""The FER+ crowd's votes, `fer2013new.csv`: ten people's answers for each row of FER-2013.

Barsoum et al., Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label Distribution, 2016.
"""

import re
from dataclasses import dataclass, replace
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from fer.datasets.faces import VOTE_COLUMNS
from fer.datasets.readers.tables import UNKNOWN_USAGE, USAGES, Table, numbered_lines, split_fields
from fer.datasets.readings import Progress, Reading, silent
from fer.errors import DatasetError

VOTES_FILE: Final = "fer2013new.csv"
_VOTES_NAME: Final = re.compile(r"fer2013new( ?\(\d+\))?\.csv", re.IGNORECASE)
_WANTED: Final = ("usage", *(column.lower() for column in VOTE_COLUMNS))
_USAGE_NAMES: Final = ("Training", "PublicTest", "PrivateTest")


@dataclass(frozen=True, eq=False)
class Votes:
    """A FER+ file: `usages` (N,) int8, an index into `SPLITS`; `votes` (N, 10) uint8 by `VOTE_COLUMNS`."""

    name: str
    usages: npt.NDArray[np.int8]
    votes: npt.NDArray[np.uint8]


def read_votes(file: IO[bytes], name: str = VOTES_FILE, progress: Progress = silent) -> Votes:
    """Read a FER+ file.

    A damaged row cannot be left out, since rows are what joins the file to FER-2013. What `progress` raises ends the
    reading; the share that it hears is 0 throughout.

    Raises:
        DatasetError: a column is missing, or a row holds no usage or vote.
    """
    lines = numbered_lines(file, name, progress=progress)
    first = next(lines, None)
    delimiter, names = _header(first[1] if first else b"")
    missing = [column for column in _WANTED if column not in names]
    if missing:
        raise DatasetError(f"{name} is no FER+ file: it has no column {', '.join(missing)}; expected fer2013new.csv.")
    places = [names.index(column) for column in _WANTED]
    usages, votes = [], []
    for number, line in lines:
        fields = split_fields(line, delimiter)
        try:
            usage, *numbers = (fields[place] for place in places)
            usages.append(USAGES[usage.lower()])
            votes.append(np.array([int(value) for value in numbers], np.uint8))
        except (IndexError, KeyError, ValueError, OverflowError) as error:
            raise DatasetError(
                f"{name}, line {number}: expected a Usage and ten votes; download the file again."
            ) from error
    return Votes(name, np.array(usages, np.int8), np.array(votes, np.uint8).reshape(-1, len(VOTE_COLUMNS)))


def is_votes_name(name: str) -> bool:
    """Whether a file is called like the crowd's votes, in any case and with what browsers add: 'FER2013new (1).csv'."""
    return _VOTES_NAME.fullmatch(name) is not None


def has_vote_columns(line: bytes) -> bool:
    """Whether a first line has the columns of the crowd's votes."""
    return set(_WANTED) <= set(_header(line.strip())[1])


def _header(line: bytes) -> tuple[str, list[str]]:
    line = line.removeprefix(b"\xef\xbb\xbf")
    delimiter = max(",;\t", key=lambda mark: line.count(mark.encode()))
    return delimiter, [value.lower() for value in split_fields(line, delimiter)]


def join_votes(table: Table, votes: Votes) -> Reading:
    """The table's reading with the crowd's votes beside each face.

    The files share nothing but their order, so every row's `Usage` must agree; rows that the table rejected count.

    Raises:
        DatasetError: the rows do not agree, or the table has no `Usage` to compare.
    """
    reading, name = table.reading, table.reading.dataset.name
    if table.usages is None:
        raise DatasetError(f"{name} has no column Usage, so {votes.name} cannot be joined to it; leave the votes out.")
    if len(table.usages) != len(votes.usages):
        raise DatasetError(
            f"{votes.name} has {len(votes.usages):,} rows and {name} has {len(table.usages):,}: they do not belong "
            f"together; leave the votes out or give the file that belongs to it."
        )
    differs = (table.usages != votes.usages) & (table.usages != UNKNOWN_USAGE)
    if differs.any():
        row = int(np.argmax(differs))
        raise DatasetError(
            f"{votes.name} does not belong to {name}: in row {row + 1:,} it says {_USAGE_NAMES[votes.usages[row]]}, "
            f"where the data say {_USAGE_NAMES[table.usages[row]]}; leave the votes out."
        )
    return replace(reading, dataset=replace(reading.dataset, votes=votes.votes[table.rows]))
