"""Draw the summary of all photos of the Upload page."""

from collections.abc import Sequence

from fer.provenance import Provenance
from fer.results import ImageAnalysis
from fer.summary.wording import photos_content
from fer.ui.summaries import section as draw


def section(analyses: Sequence[ImageAnalysis], about: Provenance) -> None:
    """Draw the summary of the photos of the list, failed ones included."""
    draw(photos_content, analyses, about, key="upload")
