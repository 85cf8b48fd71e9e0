"""The limits that every archive is read under, archives within archives included."""

from dataclasses import dataclass, field
from typing import Final

from fer.errors import DatasetError, shortened

# Of an archive, whose directory is kept in memory: 1.3 kB per file.
MAX_ENTRIES: Final = 250_000
# AffectNet has 420,000 images, and a class for each.
MAX_FOLDER_ENTRIES: Final = 1_000_000
# Of all names, which are kept for as long as an archive is open: 35,887 long ones have three million.
MAX_LETTERS: Final = 2 * 10**7
MAX_TOTAL_BYTES: Final = 4 * 10**9
# The text of a CSV shrinks to a quarter; deflate's own limit, which bombs approach, is 1,032.
MAX_RATIO: Final = 50
RATIO_MATTERS_BYTES: Final = 10**7
MAX_ARCHIVES: Final = 20


def _total() -> int:
    return MAX_TOTAL_BYTES


@dataclass
class Budget:
    """What may still be read of an archive and of the archives in it.

    Attributes:
        name: of the outermost archive, for messages.
        n_bytes: bytes that may still be unpacked.
        n_archives: archives that may still be opened.
    """

    name: str
    n_bytes: int = field(default_factory=_total)
    n_archives: int = MAX_ARCHIVES

    def take(self, n_bytes: int) -> None:
        """Count unpacked bytes.

        Raises:
            DatasetError: there are more than a dataset has.
        """
        self.n_bytes -= n_bytes
        if self.n_bytes < 0:
            raise too_large(self.name)

    def take_archive(self) -> None:
        """Count an archive within an archive.

        Raises:
            DatasetError: there are too many.
        """
        self.n_archives -= 1
        if self.n_archives < 0:
            raise DatasetError(
                f"{self.name} holds more than {MAX_ARCHIVES} archives; unpack it, and import one of them."
            )


def too_large(name: str) -> DatasetError:
    """Return the error about an archive with too many bytes."""
    return DatasetError(
        f"{name} would unpack to more than {MAX_TOTAL_BYTES // 10**9} GB; unpack it yourself, and import the folder."
    )


def too_many_files(name: str) -> DatasetError:
    """Return the error about an archive with too many files."""
    return DatasetError(f"{name} holds more than {MAX_ENTRIES:,} files; unpack it, and import the folder.")


def leads_out(written: str) -> bool:
    """Return whether a path is absolute, or has '..' or a NUL in it."""
    path = written.replace("\\", "/")
    return path.startswith("/") or ".." in path.split("/") or path[1:2] == ":" or "\0" in path


def check_path(written: str, name: str) -> None:
    """Refuse a path in an archive that leads out of it.

    Raises:
        DatasetError: it is absolute, or has '..' or a NUL in it.
    """
    if leads_out(written):
        raise DatasetError(
            f"{name} holds '{shortened(written)}', a path that leads out of it; such an archive isn't read."
        )


def check_ratio(size: int, packed: int, inside: str) -> None:
    """Refuse what was packed more tightly than any dataset.

    Raises:
        DatasetError: the ratio is too high.
    """
    if size > RATIO_MATTERS_BYTES and size > MAX_RATIO * max(packed, 1):
        raise DatasetError(f"{inside} packed {size // max(packed, 1):,} times, as no dataset is; it isn't read.")
