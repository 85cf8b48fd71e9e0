"""Draw the summary of all photos of the Upload page."""

from collections.abc import Sequence
from typing import Final

from fer.provenance import Provenance
from fer.results import ImageAnalysis
from fer.summary.groups import Groups
from fer.summary.wording import photos_content
from fer.ui.summaries import chosen_groups, forget_groups, forget_summaries
from fer.ui.summaries import section as draw

_KEY: Final = "upload"


def section(analyses: Sequence[ImageAnalysis], about: Provenance, note: str) -> None:
    """Draw the summary of the photos of the list, failed ones included, below a note as Markdown; '' for none."""
    draw(photos_content, analyses, about, key=_KEY, note=note)


def groups_of(analyses: Sequence[ImageAnalysis]) -> Groups | None:
    """Return the group of each photo as it is chosen in the summary; None if there are no groups."""
    return chosen_groups(analyses, key=_KEY)


def forget() -> None:
    """Let go of the summary and of the table of its groups."""
    forget_summaries()
    forget_groups(_KEY)
