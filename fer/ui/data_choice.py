"""The datasets that a page offers for training or evaluation."""

from pathlib import Path
from typing import Final

from fer.datasets.readers.kinds import suffix_of
from fer.datasets.readers.votes import VOTES_FILE
from fer.datasets.store.catalog import dataset_folder, list_datasets
from fer.datasets.store.loading import SYNTHETIC
from fer.paths import data_dir

ELSEWHERE: Final = "elsewhere"
_SUFFIXES: Final = frozenset({".csv", ".zip", ".tar", ".tgz", ".gz", ".parquet", ".npz"})


def data_options() -> dict[str, str]:
    """Return the label of each choice by the value for settings: real faces first, `ELSEWHERE` last."""
    options = {str(dataset_folder(info.name)): f"{info.name} ({info.n_images:,} images)" for info in list_datasets()}
    # Files and folders that were copied into the data folder by hand.
    for item in sorted(data_dir().iterdir()) if data_dir().is_dir() else ():
        hidden = item.name.lower().startswith((".", Path(VOTES_FILE).stem))
        if not hidden and (item.is_dir() or suffix_of(item.name) in _SUFFIXES):
            options.setdefault(str(item), f"data/{item.name}")
    return {**options, SYNTHETIC: "Synthetic faces", ELSEWHERE: "Another folder or file ..."}
