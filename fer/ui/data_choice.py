"""The data that a page offers to train or to evaluate on."""

from pathlib import Path
from typing import Final

from fer.datasets.readers.votes import VOTES_FILE
from fer.datasets.store.catalog import dataset_folder, list_datasets
from fer.datasets.store.loading import SYNTHETIC
from fer.paths import data_dir

ELSEWHERE: Final = "elsewhere"


def data_options() -> dict[str, str]:
    """Labels by what settings call the data, `ELSEWHERE` last: real faces come first, where there are any."""
    options = {str(dataset_folder(info.name)): f"{info.name} ({info.n_images:,} images)" for info in list_datasets()}
    # What was put into the data folder by hand.
    for item in sorted(data_dir().iterdir()) if data_dir().is_dir() else ():
        hidden = item.name.lower().startswith((".", Path(VOTES_FILE).stem))
        if not hidden and (item.is_dir() or item.suffix.lower() in (".csv", ".zip")):
            options.setdefault(str(item), f"data/{item.name}")
    return {**options, SYNTHETIC: "Synthetic (drawn faces)", ELSEWHERE: "Another folder or file ..."}
