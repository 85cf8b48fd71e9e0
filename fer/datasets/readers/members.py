"""What reading a zip and reading a tar have in common: the files in an archive, read in place and under limits.

Nothing is unpacked into a folder, so nothing can be written where it shouldn't.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from pathlib import PurePosixPath
from typing import IO, Generic, TypeVar

from fer.datasets.readers import budget as limits
from fer.datasets.readers.budget import Budget, check_path, too_large, too_many_files
from fer.datasets.readers.trees import READ_ERRORS, Entry, is_never_read
from fer.errors import DatasetError, shortened

Member = TypeVar("Member")


class ArchiveTree(ABC, Generic[Member]):
    """The files of an archive.

    Args:
        name: for messages.
        budget: what may be unpacked; None for a budget of its own.
    """

    def __init__(self, name: str, budget: Budget | None = None) -> None:
        self.name = name
        self._budget = budget or Budget(name)
        self._members: dict[PurePosixPath, list[tuple[int, Member]]] = defaultdict(list)
        self._n_members = self._n_bytes = self._n_letters = 0

    def entries(self) -> list[Entry]:
        """Return every file that isn't the system's own, sorted by path; files of the same name are one entry each."""
        found = [Entry(path, size) for path, members in self._members.items() for size, _ in members]
        return sorted(found, key=lambda entry: entry.path.parts)

    def open(self, path: PurePosixPath) -> IO[bytes]:
        """Open one file.

        Raises:
            DatasetError: the archive would give more bytes than a dataset has.
            OSError: the file can't be read, or shares its name with another, so that it isn't clear which is meant.
        """
        (size, member), *others = self._members[path]
        if others:
            raise OSError(f"the archive holds {1 + len(others)} files of this name")
        self._budget.take(size)
        try:
            return self._open(member)
        except READ_ERRORS as error:
            raise OSError(str(error)) from error

    @abstractmethod
    def _open(self, member: Member) -> IO[bytes]:
        """Open a member; it gives no more bytes than it declares."""

    def _add(self, member: Member, written: str, size: int, *, is_file: bool) -> None:
        """Check a member against the limits, and keep it if it is a file that a reader may need."""
        self._n_members += 1
        self._n_bytes += size
        self._n_letters += len(written)
        if self._n_members > limits.MAX_ENTRIES:
            raise too_many_files(self.name)
        if self._n_letters > limits.MAX_LETTERS:
            raise DatasetError(f"The names in {self.name} have megabytes, as in no dataset; it isn't read.")
        if self._n_bytes > limits.MAX_TOTAL_BYTES:
            raise too_large(self.name)
        check_path(written, self.name)
        # Some packers on Windows write backslashes, although the formats forbid them.
        path = PurePosixPath(written.replace("\\", "/"))
        if is_file and not is_never_read(path):
            self._members[path].append((size, member))

    def _refusal(self, written: str, what: str) -> DatasetError:
        """Return the error about a member that no dataset has."""
        return DatasetError(
            f"{self.name} holds '{shortened(written)}', {what}; pack the files themselves, and try again."
        )
