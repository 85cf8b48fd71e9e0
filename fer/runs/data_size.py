"""How many training images a dataset has, as far as that is known without reading its images."""

from pathlib import Path
from typing import Final

from fer.errors import DatasetError

_SYNTHETIC: Final = "synthetic"
# Of `fer.datasets.synthetic.make_synthetic`, whose module imports numpy. A test compares both.
SYNTHETIC_IMAGES: Final = 700
# 48 x 48 grey levels as text, on average.
_CSV_BYTES_A_FACE: Final = 8_400
_TRAIN_SHARE: Final = 0.8


def training_images(data: str) -> int | None:
    """Return the number of training images, exact if the dataset is imported, roughly for a CSV file, else None."""
    if data == _SYNTHETIC:
        return SYNTHETIC_IMAGES
    # Not at the top: it imports numpy, and a queued run is to stay small.
    from fer.datasets.store.storage import DatasetInfo

    path = Path(data)
    try:
        return DatasetInfo.from_folder(path).by_split().get("train", 0) or None
    except DatasetError:
        return _in_csv(path)


def _in_csv(file: Path) -> int | None:
    try:
        size = file.stat().st_size if file.suffix.lower() == ".csv" else 0
    except OSError:
        size = 0
    return round(_TRAIN_SHARE * size / _CSV_BYTES_A_FACE) or None
