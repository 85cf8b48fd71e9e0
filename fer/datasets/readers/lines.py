"""Read a table line by line, whatever its encoding, line ends and delimiter.

A row is a line, so that a damaged row costs only itself. A parser that allows quotes across lines would lose every row
after a stray quote. So lines are joined only if a quote is open, and none of them is a row on its own.
"""

import codecs
import csv
import io
import itertools
import json
import re
from collections import deque
from collections.abc import Iterator
from typing import IO, Final

from fer.datasets.readers.trees import READ_ERRORS
from fer.datasets.readings import Progress, silent
from fer.errors import DatasetError
from fer.text import MB

_MAX_LINE_BYTES: Final = 1_000_000  # a row of FER-2013 has at most 9,240
_BYTES_BETWEEN_REPORTS: Final = MB
# A row that is broken into more lines isn't one of faces: a printed picture has 48.
_MOST_JOINED: Final = 60
_START_BYTES: Final = 2**16
_BLOCK_BYTES: Final = 2**16
DELIMITERS: Final = ",;\t|"
Line = tuple[int, bytes]


def split_fields(line: bytes, delimiter: str) -> list[str]:
    """Return the fields of one line, without quotes and outer spaces; an unclosed quote ends with the line.

    With a space for delimiter, the last field is what follows the last space, because names of files have spaces.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode("latin-1")
    if delimiter == " ":
        return text.rsplit(maxsplit=1)
    try:
        return [value.strip() for value in next(csv.reader([text], delimiter=delimiter), [])]
    except csv.Error:
        return [text]


def find_delimiter(line: bytes) -> str:
    """Return the delimiter of a first line: the most frequent of comma, semicolon, tab and bar, or else a space."""
    found = max(DELIMITERS, key=lambda mark: line.count(mark.encode()))
    return found if found.encode() in line or b" " not in line else " "


def declared_delimiter(line: bytes) -> str | None:
    """Return the delimiter of a line such as 'sep=;', which spreadsheets write before the header, or None."""
    found = re.fullmatch(rb'"?sep=([,;\t|])"?', line.strip(b"\r\n "), re.IGNORECASE)
    return found[1].decode() if found else None


def first_row(file: IO[bytes]) -> list[str]:
    """Return the fields of the first line of a file, or none if it isn't a table."""
    try:
        return next(numbered_rows(file, ""), (0, []))[1]
    except DatasetError:
        return []


def numbered_rows(
    file: IO[bytes], name: str, size: int = 0, progress: Progress = silent
) -> Iterator[tuple[int, list[str]]]:
    """Yield the fields of each line, as `numbered_lines`; the first line decides the delimiter, or declares it.

    Of JSON lines, the keys of the first object are the header.

    Raises:
        DatasetError: as `numbered_lines`.
    """
    delimiter, keys = None, None
    n_fields = 0
    lines = _Lines(numbered_lines(file, name, size, progress))
    for number, line in lines:
        if keys is not None or (delimiter is None and line.startswith(b"{")):
            values = _json_object(line)
            if keys is None:
                keys = list(values)
                yield number, keys
            yield number, [str(values.get(key, "")).strip() for key in keys]
            continue
        if delimiter is None:
            delimiter = declared_delimiter(line)
            if delimiter is not None:
                continue
            delimiter = find_delimiter(line)
            n_fields = len(split_fields(line, delimiter))
        elif line.count(b'"') % 2:
            line = lines.joined(line, delimiter, n_fields)
        yield number, split_fields(line, delimiter)


class _Lines:
    """The lines of a table, some of which were looked at ahead."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._ahead: deque[Line] = deque()

    def __iter__(self) -> Iterator[Line]:
        while (line := self._ahead.popleft() if self._ahead else next(self._lines, None)) is not None:
            yield line

    def joined(self, line: bytes, delimiter: str, n_fields: int) -> bytes:
        """Return a line with an open quote and the lines that close it, or the line alone if they aren't one row."""
        whole = line
        for place in range(_MOST_JOINED):
            if place == len(self._ahead):
                following = next(self._lines, None)
                if following is None:
                    return line
                self._ahead.append(following)
            part = self._ahead[place][1]
            whole += b" " + part
            if len(split_fields(part, delimiter)) >= n_fields or len(whole) > _MAX_LINE_BYTES:
                return line
            if whole.count(b'"') % 2 == 0:
                if len(split_fields(whole, delimiter)) != n_fields:
                    return line
                for _ in range(place + 1):
                    self._ahead.popleft()
                return whole
        return line


def _json_object(line: bytes) -> dict[str, object]:
    """Return the JSON object of a line, or an empty one if there is none, so that a damaged line costs only itself."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def read_header(rows: Iterator[tuple[int, list[str]]], if_empty: str) -> list[str]:
    """Return the fields of the first row.

    Raises:
        DatasetError: there is none; `if_empty` is the message.
    """
    _, names = next(rows, (0, []))
    if not names:
        raise DatasetError(if_empty)
    return names


def numbered_lines(file: IO[bytes], name: str, size: int = 0, progress: Progress = silent) -> Iterator[Line]:
    """Yield the lines that aren't blank, each with its number from 1, without the line end.

    Args:
        file: the bytes; read once, forwards.
        name: the file's name, for messages.
        size: bytes in the file, for the progress; 0 if unknown.
        progress: called after the first line and every megabyte.

    Raises:
        DatasetError: the file is damaged, or a line is too long for a table.
    """
    n_bytes = n_told = 0
    try:
        text = as_utf8(file)
    except READ_ERRORS as error:
        raise DatasetError(f"{name} is damaged at line 1 ({error}); download it again.") from error
    for number in itertools.count(1):
        try:
            line = text.readline(_MAX_LINE_BYTES)
        except READ_ERRORS as error:
            raise DatasetError(f"{name} is damaged at line {number:,} ({error}); download it again.") from error
        if not line:
            return
        n_bytes += len(line)
        if number == 1 or n_bytes - n_told >= _BYTES_BETWEEN_REPORTS:
            n_told = n_bytes
            progress(min(1.0, n_bytes / size) if size else 0.0, f"{number:,} lines read")
        if len(line) == _MAX_LINE_BYTES:
            raise DatasetError(f"{name}: line {number} is longer than a megabyte, so this isn't a table of faces.")
        stripped = line.strip(b"\r\n ")
        if stripped.strip(b",;\t "):
            yield number, stripped


def as_utf8(file: IO[bytes]) -> IO[bytes]:
    """Return the rest of a file in UTF-8, without a byte order mark and old line ends."""
    start = file.read(_START_BYTES)
    whole = _Prefixed(start, file)
    encoding = _unicode(start)
    old_ends = encoding is None and b"\r" in start and b"\n" not in start
    if encoding is None:
        whole.start = start.lstrip(codecs.BOM_UTF8)
    if encoding is None and not old_ends:
        return io.BufferedReader(whole, _BLOCK_BYTES)
    return io.BufferedReader(_Recoded(whole, encoding or "latin-1"), _BLOCK_BYTES)


def _unicode(start: bytes) -> str | None:
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # Without a mark: a header in ASCII has a zero in every other byte.
    odd, even = start[1:40:2], start[0:40:2]
    if len(even) > 4 and not any(odd) and all(even):
        return "utf-16-le"
    return "utf-16-be" if len(even) > 4 and not any(even) and all(odd) else None


class _Prefixed(io.RawIOBase):
    """What was read of a file already, and then the rest of it."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self.start, self._rest = start, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self.start[: len(buffer)] or self._rest.read(len(buffer))
        self.start = self.start[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


class _Recoded(io.RawIOBase):
    """A file in UTF-8, with a newline at each line end."""

    def __init__(self, file: io.RawIOBase, encoding: str) -> None:
        self._file, self._ready = file, b""
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._same = encoding == "latin-1"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            data = self._file.read(_BLOCK_BYTES) or b""
            # Latin-1 keeps every byte, so that UTF-8 with old line ends stays what it is.
            text = self._decoder.decode(data, final=not data).replace("\r\n", "\n").replace("\r", "\n")
            self._ready = text.encode("latin-1" if self._same else "utf-8")
            if not data:
                break
        taken, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)
