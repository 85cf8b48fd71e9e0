"""Making a run's folder, and what its user calls it."""

import secrets
import shutil
from datetime import datetime
from pathlib import Path
from typing import Final

from fer import paths
from fer.errors import RunError
from fer.runs import layout
from fer.runs.config import TrainConfig
from fer.runs.progress import QUEUED, Progress
from fer.runs.store import read_config
from fer.storage import files
from fer.text import encodable

_MAX_NAME: Final = 80
_MAX_NOTES: Final = 10_000


def create_run(config: TrainConfig, name: str | None = None) -> str:
    """Make the folder of a new run, waiting for its process, and return its id.

    Raises:
        RunError: the folder cannot be made.
    """
    now = datetime.now()
    run_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    progress = Progress(
        state=QUEUED,
        doing="starting",
        epochs=config.epochs,
        started=now.timestamp(),
        queued=now.timestamp(),
        data=data_name(config.data),
        network=config.network,
    )
    # Beside, then renamed: a reader never meets a run without its settings.
    part = paths.runs_dir() / f".{run_id}{files.PART}"
    try:
        part.mkdir(parents=True)
        files.write_text(part / layout.CONFIG, config.to_json() + "\n", durable=True)
        files.write_json(part / layout.NOTES, {"name": clean_name(name) or default_name(config), "notes": ""})
        progress.write(part)
        (part / layout.LOG).touch()
        files.rename(part, paths.runs_dir() / run_id)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise RunError(
            f"The run cannot be written to {paths.runs_dir()} ({error.strerror}); see that there is room and leave to "
            "write, or set FER_HOME to another folder."
        ) from error
    return run_id


def data_name(source: str) -> str:
    """Return what people call a dataset: the last part of its path."""
    return encodable(Path(source).name or source)


def default_name(config: TrainConfig) -> str:
    """The name of a run whose user gave none: 'residual on fer2013.csv'."""
    return f"{config.network} on {data_name(config.data)}"


def clean_name(name: str | None) -> str:
    """Return a name on one line, without blanks around it, of at most 80 characters, in valid Unicode."""
    return encodable(" ".join((name or "").split())[:_MAX_NAME])


def set_notes(run_id: str, *, name: str | None = None, notes: str | None = None) -> None:
    """Rename a run, or note something about it; what is None stays.

    Raises:
        RunError: there is no such run, or it cannot be written.
    """
    folder = layout.run_folder(run_id)
    values = files.read_json(folder / layout.NOTES)
    if name is not None:
        values["name"] = clean_name(name) or default_name(read_config(run_id))
    if notes is not None:
        values["notes"] = encodable(notes[:_MAX_NOTES])
    try:
        files.write_json(folder / layout.NOTES, values)
    except OSError as error:
        raise RunError(
            f"The notes of {run_id} cannot be written ({error.strerror}); make room and try again."
        ) from error
