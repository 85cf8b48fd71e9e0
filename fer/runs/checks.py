"""Check settings before a run starts: what can't work is refused at once, not after minutes."""

import importlib.util
import shutil
from pathlib import Path
from typing import Final

from fer import paths
from fer.errors import ConfigError, DatasetError, shortened
from fer.runs.config import TrainConfig
from fer.text import MB, file_size, listed

# Two checkpoints and a bundle of the larger network.
_ROOM_BYTES: Final = 400 * MB
# The package's extra 'training'.
_LIBRARIES: Final = ("tensorflow", "keras", "tf2onnx")


def require_startable(config: TrainConfig, *, here: bool = True) -> None:
    """Check that what the settings name exists and fits.

    Args:
        config: the settings.
        here: whether the training runs on this machine, which then needs its libraries.

    Raises:
        ConfigError: TensorFlow isn't installed, a file is missing or has no votes, a model to start from doesn't fit,
            or the disk is nearly full.
        BundleError: a model to start from, or a teacher, is damaged or missing.
    """
    if here:
        _require_libraries()
    if config.data != "synthetic":
        _require_data(config.data)
    if config.votes:
        _require_votes(config.votes)
    if config.labels:
        _require_label_order(config.labels)
    for folder in config.start_from:
        _require_same_network(config, typed_path("start_from", folder))
    if config.init_weight and not config.start_from:
        raise ConfigError("init_weight: choose a model to start from as well, or 0.")
    for folder in config.teacher:
        _require_bundle(typed_path("teacher", folder))
    _require_room()


def typed_path(name: str, text: str) -> Path:
    """Return the path that a person typed for a setting, with '~' for a home folder. It may not exist.

    Raises:
        ConfigError: no path of this name can exist.
    """
    try:
        path = Path(text).expanduser()
        path.exists()
    except (OSError, RuntimeError) as error:  # too long, not allowed; a home folder of nobody
        why = getattr(error, "strerror", None) or "no such user"
        raise ConfigError(f"{name}: '{shortened(text)}' can't be a path ({why}); type another path.") from error
    return path


def absolute_path(name: str, text: str) -> str:
    """Return the absolute path, which means the same wherever a run is resumed from.

    A dataset in `FER_HOME/data` is found by its name, as `fer.datasets.store.loading` does. That module isn't used: it
    imports numpy, and a queued run is to stay small.

    Raises:
        ConfigError: no path of this name can exist.
    """
    path = typed_path(name, text)
    inside = typed_path(name, str(paths.data_dir() / path))
    return str((inside if inside.exists() and not path.exists() else path).absolute())


def _require_libraries() -> None:
    missing = [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        wanted = "-r requirements.txt" if paths.PROGRAM == paths.CHECKOUT else '"fer-dashboard[training]"'
        raise ConfigError(f"Training needs {listed(missing)}. To install, type: pip install {wanted}")


def _require_data(source: str) -> None:
    if not Path(absolute_path("data", source)).exists():
        raise ConfigError(f"data: there is nothing at '{shortened(source)}'; choose a CSV, a folder, or 'synthetic'.")


def _require_votes(text: str) -> None:
    # Not at the top: it imports numpy, and a queued run is to stay small.
    from fer.datasets.readers.lines import first_row
    from fer.datasets.readers.votes import has_vote_columns

    path = typed_path("votes", text)
    if not path.is_file():
        raise ConfigError(
            f"votes: there is no file '{shortened(text)}'; choose the FER+ file fer2013new.csv, or leave it empty."
        )
    try:
        with path.open("rb") as file:
            right = has_vote_columns(first_row(file))
    except OSError as error:
        raise ConfigError(
            f"votes: '{shortened(text)}' can't be read ({error.strerror}); choose another file, or leave it empty."
        ) from error
    if not right:
        raise ConfigError(
            f"votes: '{shortened(text)}' isn't a FER+ file: its first line doesn't name the votes; choose "
            "fer2013new.csv, or leave it empty."
        )


def _require_label_order(text: str) -> None:
    from fer.datasets.readers.orders import parse_order  # as above

    try:
        parse_order(text)
    except DatasetError as error:
        raise ConfigError(f"labels: {error}") from error


def _require_same_network(config: TrainConfig, folder: Path) -> None:
    from fer.recognition.bundle import KERAS_FILE, load_bundle  # as above

    bundle = load_bundle(folder)
    if KERAS_FILE not in bundle.files:
        raise ConfigError(
            f"start_from: '{bundle.name}' has no {KERAS_FILE} to continue from; choose a model that was trained here."
        )
    name = bundle.network.get("name", config.network)
    if name != config.network:
        raise ConfigError(
            f"start_from: '{bundle.name}' is a {name} network and this run trains a {config.network} "
            "network; choose the same."
        )


def _require_bundle(folder: Path) -> None:
    from fer.recognition.bundle import load_bundle  # as above

    load_bundle(folder)


def _require_room() -> None:
    folder = paths.home()
    free = shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free
    if free < _ROOM_BYTES:
        raise ConfigError(
            f"Only {file_size(free)} are free where runs are stored ({folder}), and a run takes up to "
            f"{file_size(_ROOM_BYTES)}; make room, or set FER_HOME to another disk."
        )
