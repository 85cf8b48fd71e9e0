"""What can be seen before a run is started: settings that cannot work are refused in words, not after minutes."""

import shutil
from pathlib import Path
from typing import Final

from fer import paths
from fer.errors import ConfigError
from fer.recognition.bundle import KERAS_FILE, load_bundle
from fer.runs.config import TrainConfig

# Two checkpoints and a bundle of the larger network.
_ROOM_BYTES: Final = 400_000_000


def require_startable(config: TrainConfig) -> None:
    """See that what the settings name is there and fits.

    Raises:
        ConfigError: a file is missing, the model to start from does not fit, or the disk is nearly full.
        BundleError: the model to start from is damaged.
    """
    if config.data != "synthetic" and not (Path(config.data).exists() or (paths.data_dir() / config.data).exists()):
        raise ConfigError(f"data: there is nothing at '{config.data}'; choose a CSV, a folder, or 'synthetic'.")
    if config.votes and not Path(config.votes).is_file():
        raise ConfigError(f"votes: there is no file '{config.votes}'; give the FER+ file fer2013new.csv, or nothing.")
    if config.start_from:
        bundle = load_bundle(config.start_from)
        if KERAS_FILE not in bundle.files:
            raise ConfigError(
                f"start_from: '{bundle.name}' has no {KERAS_FILE} to train on; choose a model that a run here made."
            )
        name = bundle.network.get("name", config.network)
        if name != config.network:
            raise ConfigError(
                f"start_from: '{bundle.name}' is a {name} network and the run's is {config.network}; choose the same."
            )
    folder = paths.home()
    free = shutil.disk_usage(folder if folder.exists() else Path.home()).free
    if free < _ROOM_BYTES:
        raise ConfigError(
            f"Only {free / 1e6:.0f} MB are free where runs are kept ({folder}), and a run takes up to "
            f"{_ROOM_BYTES / 1e6:.0f} MB; make room, or set FER_HOME to another disk."
        )
