"""`load_dataset`: labelled faces by the name or path that a person gives."""

import logging
from pathlib import Path
from typing import Final

from fer.datasets.faces import FaceDataset
from fer.datasets.sources import read_source
from fer.datasets.splits import with_validation_split
from fer.datasets.synthetic import make_synthetic

SYNTHETIC: Final = "synthetic"
_log = logging.getLogger(__name__)


def load_dataset(source: str | Path, votes: Path | None = None, with_validation: bool = True) -> FaceDataset:
    """Load labelled faces.

    Args:
        source: 'synthetic' for drawn faces; else FER-2013's CSV, or a folder that holds it or image folders.
        votes: a FER+ file; None takes `fer2013new.csv` beside the CSV.
        with_validation: where there is no validation split, make a stratified tenth of train one.

    Raises:
        DatasetError: it is no FER-2013 in a known layout, or the votes do not belong to it.
    """
    if str(source) == SYNTHETIC:
        return make_synthetic()
    reading = read_source(Path(source), votes)
    if reading.rejected:
        first = reading.rejected[0]
        _log.warning(
            "%s: %d of %d images cannot be read and are left out; the first is %s: %s.",
            *(reading.dataset.name, len(reading.rejected), reading.n_read, first.where, first.reason),
        )
    return with_validation_split(reading.dataset) if with_validation else reading.dataset
