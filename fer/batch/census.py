"""Count what a batch would analyse, before it starts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fer.batch.listing import Listing
from fer.batch.settings import Inputs

_FILES_PER_REPORT = 500


@dataclass(frozen=True)
class Census:
    """What is there.

    Attributes:
        n_photos, n_videos: their numbers.
        n_bytes: their size.
        n_others: files that are neither.
        failures: inputs that can't be searched, with one sentence each.
    """

    n_photos: int = 0
    n_videos: int = 0
    n_bytes: int = 0
    n_others: int = 0
    failures: tuple[tuple[str, str], ...] = ()

    @property
    def n_files(self) -> int:
        """Return the number of photos and videos."""
        return self.n_photos + self.n_videos


def count(inputs: Sequence[str], roots: Sequence[str], report: Callable[[int], None] = lambda n_files: None) -> Census:
    """List the inputs, and count them.

    Args:
        inputs: files, folders and patterns.
        roots: the folders that they have to be in, of `os.path.realpath`.
        report: told now and then how many files were found; what it raises ends the search.
    """
    listing = Listing(Inputs(tuple(inputs)), roots=roots)
    n_photos = n_videos = n_bytes = 0
    for one in listing:
        n_videos += one.is_video
        n_photos += not one.is_video
        n_bytes += max(0, one.size)
        if (n_photos + n_videos) % _FILES_PER_REPORT == 0:
            report(n_photos + n_videos)
    return Census(n_photos, n_videos, n_bytes, listing.left_out, tuple(listing.failures))
