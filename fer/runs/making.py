"""Make the folder of a run, and change its name and notes."""

import secrets
import shutil
from datetime import datetime
from pathlib import Path
from typing import Final

from fer import paths
from fer.errors import RunError
from fer.runs import layout
from fer.runs.config import TrainConfig
from fer.runs.presets import PRESETS
from fer.runs.progress import QUEUED, Progress
from fer.runs.store import read_config
from fer.storage import files
from fer.text import encodable

_MAX_NAME: Final = 80
_MAX_NOTES: Final = 10_000


def create_run(config: TrainConfig, name: str | None = None) -> str:
    """Make the folder of a new, queued run and return its id.

    Raises:
        RunError: the folder can't be made.
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
    # Renamed when complete, so that nobody reads a run without settings.
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
            f"Can't write to {paths.runs_dir()} ({error.strerror}); check free space and permissions, or set "
            "FER_HOME to another folder."
        ) from error
    return run_id


def data_name(source: str) -> str:
    """Return the name of a dataset: the last part of its path."""
    return encodable(Path(source).name or source)


def default_name(config: TrainConfig) -> str:
    """Return the name for a run without one: 'Quick look on fer2013.csv', or its network if it isn't a preset."""
    preset = next((preset.title for preset in PRESETS if preset.settings(config.data) == config), config.network)
    return f"{preset} on {data_name(config.data)}"


def clean_name(name: str | None) -> str:
    """Return a name on one line, without blanks around it, of at most 80 characters, in valid Unicode."""
    return encodable(" ".join((name or "").split())[:_MAX_NAME])


def set_notes(run_id: str, *, name: str | None = None, notes: str | None = None) -> None:
    """Change a run's name or notes; None leaves them as they are.

    Raises:
        RunError: there is no such run, or its folder can't be written.
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
            f"The notes of {run_id} can't be saved ({error.strerror}); free some disk space and try again."
        ) from error
