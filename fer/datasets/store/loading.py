"""Load labelled faces by the name or path that a user gives."""

import logging
from pathlib import Path
from typing import Final

from fer.datasets.faces import FaceDataset
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.sources import read_path
from fer.datasets.readings import Progress, Reading, require_all_classes, silent
from fer.datasets.splits import with_validation_split
from fer.datasets.store.catalog import list_datasets
from fer.datasets.store.corrections import apply_corrections, corrections_file, read_corrections
from fer.datasets.store.storage import is_stored, read_stored
from fer.datasets.synthetic import make_synthetic
from fer.errors import DatasetError, shortened
from fer.paths import data_dir

SYNTHETIC: Final = "synthetic"
_log = logging.getLogger(__name__)


def load_dataset(
    source: str | Path,
    votes: Path | None = None,
    with_validation: bool = True,
    corrections: bool = False,
    labels: str | None = None,
) -> FaceDataset:
    """Load labelled faces for training.

    Args:
        source: 'synthetic'; the name of an imported dataset; else the path of a file or folder that `read_path` reads.
        votes: a FER+ file; None takes `fer2013new.csv` next to the CSV.
        with_validation: make a stratified tenth of train the validation split, if there is none.
        corrections: apply the corrections next to the data, if there are any.
        labels: the label order, if classes are numbers: a preset or '0=neutral,1=happy,...'.

    Raises:
        DatasetError: it isn't in a known form, a class has no image, or the votes or corrections don't belong to it.
    """
    if str(source) == SYNTHETIC:
        return make_synthetic()
    path = find_source(source)
    reading = read_source(path, ReadOptions.of(votes, labels))
    if reading.rejected:
        first = reading.rejected[0]
        _log.warning(
            "%s: %d of %d images can't be read and are left out; the first is %s: %s.",
            *(reading.dataset.name, len(reading.rejected), reading.n_read, first.where, first.reason),
        )
    dataset = reading.dataset
    require_all_classes(dataset)
    if corrections:
        dataset = apply_corrections(dataset, read_corrections(corrections_file(path)))
    return with_validation_split(dataset) if with_validation else dataset


def read_source(path: Path, options: ReadOptions | None = None, progress: Progress = silent) -> Reading:
    """Read a stored dataset, or any file or folder that `read_path` reads.

    Raises:
        DatasetError: as `read_path` and `read_stored`, or options are given that a stored dataset can't follow.
    """
    if not is_stored(path):
        _require_existing(path)
        return read_path(path, options, progress)
    if options is not None and options != ReadOptions():
        what = "votes" if options.votes else "label order" if options.order else "photos"
        raise DatasetError(f"{path.name} is already imported; import its source again with the {what}.")
    return read_stored(path)


def _require_existing(path: Path) -> None:
    if path.exists():
        return
    names = [info.name for info in list_datasets()]
    datasets = f"a dataset ({shortened(', '.join(names))})" if names else "a dataset that you have imported"
    raise DatasetError(
        f"{path} doesn't exist, and no dataset is called '{path.name}'; give a file or folder, {datasets}, or "
        "'synthetic'."
    )


def find_source(source: str | Path) -> Path:
    """Return the path that a user means: as it is, or a name inside `FER_HOME/data`.

    Raises:
        DatasetError: it is too long for a path, or starts with the home folder of an unknown user.
    """
    try:
        path, inside = Path(source).expanduser(), data_dir() / source
        return inside if not path.exists() and inside.exists() else path
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "no such user"
        raise DatasetError(f"'{shortened(str(source))}' can't be a path ({why}); give a file or folder.") from error
