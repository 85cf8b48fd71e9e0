"""Put files into groups: by their folder, by a part of their name, or by a table."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from fer.errors import SummaryError, shortened
from fer.text import MB

# The part of a pattern that becomes the group's name.
PLACE: Final = "{group}"
NO_GROUP: Final = "no group"
_TOP: Final = "top folder"
_FILE: Final = "file"
_MAX_ROWS: Final = 100_000
MAX_TABLE_BYTES: Final = 20 * MB
# A file has as many names for these as there are programs that export tables.
_DELIMITERS: Final = ",;\t|"

Groups = Mapping[str, str]


def by_folder(files: Iterable[str]) -> dict[str, str]:
    """Return each file's group: the first folder in which the paths differ.

    Raises:
        SummaryError: all files are in one folder.
    """
    paths = {file: PurePosixPath(file.replace("\\", "/")) for file in files}
    folders = [path.parent.parts for path in paths.values()]
    n_common = next(
        (place for place, parts in enumerate(zip(*folders, strict=False)) if len(set(parts)) > 1),
        min(map(len, folders), default=0),
    )
    groups = {
        file: path.parent.parts[n_common] if len(path.parent.parts) > n_common else _TOP for file, path in paths.items()
    }
    if len(set(groups.values())) < 2:
        raise SummaryError(
            "All files are in one folder, so folders make no groups. Choose a folder that has a folder for each group."
        )
    return groups


def by_pattern(files: Iterable[str], pattern: str) -> dict[str, str]:
    """Return each file's group: the part of its name where a pattern has '{group}'.

    Args:
        files: paths; only their last part is looked at.
        pattern: fits the whole name; '*' stands for any text, '{group}' for the group's name. Each is as short as
            possible: '{group}_*' takes 'anna' from 'anna_01_a.jpg'.

    Raises:
        SummaryError: the pattern has no '{group}' or more than one, or fits no name.
    """
    if pattern.count(PLACE) != 1:
        raise SummaryError(f"The pattern '{shortened(pattern)}' needs {PLACE} once, such as '{PLACE}_*'.")
    expression = _expression(pattern)
    groups = {}
    for file in files:
        found = expression.fullmatch(file.replace("\\", "/").rpartition("/")[2])
        groups[file] = found["group"] if found else NO_GROUP
    if set(groups.values()) <= {NO_GROUP}:
        example = next(iter(groups), "")
        raise SummaryError(f"The pattern '{shortened(pattern)}' fits no file name, such as '{shortened(example)}'.")
    return groups


def _expression(pattern: str) -> re.Pattern[str]:
    """Return a pattern as a regular expression without backtracking, which a stranger's pattern could make endless."""
    parts = re.split(r"(\{group\}|\*+)", pattern)
    text = [re.escape(parts[0])]
    for wildcard, literal in zip(parts[1::2], parts[2::2], strict=True):
        whole = "(?P<group>.+" if wildcard == PLACE else "(?:.*"
        text.append(f"(?>{whole}?){re.escape(literal)})" if literal else f"{whole})")
    return re.compile("".join(text), re.DOTALL)


def table_columns(data: bytes) -> list[str]:
    """Return the columns of a table that can name a group.

    Raises:
        SummaryError: it isn't a table in CSV with a column 'file' and at least one more.
    """
    header, _ = _rows(data)
    return [name for name in header if name.lower() != _FILE]


def by_table(files: Iterable[str], data: bytes, column: str | None = None) -> dict[str, str]:
    """Return each file's group from a table with the column 'file' and a column of groups.

    Args:
        files: paths. A row names a file by its path, or by its name if no other file has it.
        data: the table as CSV, with commas, semicolons or tabs.
        column: the column of groups; by default 'group', or the only one other than 'file'.

    Raises:
        SummaryError: the table has no such column, or none of its rows names one of the files.
    """
    header, rows = _rows(data)
    lower = [name.lower() for name in header]
    others = [name for name in header if name.lower() != _FILE]
    chosen = column or next((name for name in others if name.lower() == "group"), others[0] if len(others) == 1 else "")
    if chosen not in others:
        names = shortened(", ".join(others), 200)
        raise SummaryError(f"The table has no column '{shortened(chosen or 'group')}'. Name one of: {names}.")
    place, name_place = header.index(chosen), lower.index(_FILE)
    named = {row[name_place].strip().replace("\\", "/"): row[place].strip() or NO_GROUP for row in rows}
    short = _unique_names(files := list(files))
    groups = {}
    for file in files:
        path = file.replace("\\", "/")
        groups[file] = named.get(path) or named.get(short.get(file, ""), NO_GROUP)
    if set(groups.values()) <= {NO_GROUP}:
        raise SummaryError(
            f"No row of the table names one of the files. Its column '{_FILE}' should have names such as "
            f"'{shortened(next(iter(short.values()), 'me.jpg'))}'."
        )
    return groups


def _unique_names(files: Sequence[str]) -> dict[str, str]:
    names = {file: file.replace("\\", "/").rpartition("/")[2] for file in files}
    counts = Counter(names.values())
    return {file: name for file, name in names.items() if counts[name] == 1}


def _rows(data: bytes) -> tuple[list[str], list[list[str]]]:
    if len(data) > MAX_TABLE_BYTES:
        raise SummaryError(f"The table has more than {MAX_TABLE_BYTES // MB} MB; leave out needless rows.")
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        # In a name it would break the tables that name the group.
        text = text.replace("\0", "")
        first = text.partition("\n")[0]
        delimiter = max(_DELIMITERS, key=first.count)
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise SummaryError("The table can't be read. Save it as CSV in UTF-8.") from error
    if len(rows) > _MAX_ROWS:
        raise SummaryError(f"The table has more than {_MAX_ROWS:,} rows; leave out needless ones.")
    header = [name.strip() for name in rows[0]] if rows else []
    if _FILE not in [name.lower() for name in header] or len(header) < 2:
        raise SummaryError(
            f"The table needs a column '{_FILE}' and one with the groups. Its first row is: "
            f"{shortened(', '.join(header)) or 'empty'}."
        )
    return header, [[*row, *[""] * (len(header) - len(row))] for row in rows[1:]]
