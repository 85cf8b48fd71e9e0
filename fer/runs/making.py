"""Make the folder of a run, and change its name and notes."""

import dataclasses
import secrets
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from fer import paths
from fer.errors import RunError, shortened
from fer.runs import layout
from fer.runs.config import MODELS, TrainConfig
from fer.runs.presets import GROUPS, PRESETS, label
from fer.runs.progress import QUEUED, Progress
from fer.runs.small_files import SweepOrigin
from fer.runs.store import list_runs, read_config
from fer.storage import files
from fer.text import encodable

MAX_NAME: Final = 100
_MAX_DATA_NAME: Final = 30
# Characters of a name that stay free for ', 2 more' and a time.
_RESERVED: Final = 31
_MAX_NOTES: Final = 10_000


def create_run(config: TrainConfig, name: str | None = None, origin: SweepOrigin | None = None) -> str:
    """Make the folder of a new, queued run and return its id.

    Args:
        config: its settings.
        name: the user's name for it; None makes one from the settings.
        origin: the sweep that it belongs to, if any.

    Raises:
        RunError: the folder can't be made.
    """
    now = datetime.now()
    name = clean_name(name) or _new_name(default_name(config), now)
    run_id = new_run_id(now)
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
        files.write_json(part / layout.NOTES, {"name": name, "notes": ""})
        if origin is not None:
            files.write_json(part / layout.SWEEP, dataclasses.asdict(origin))
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


def new_run_id(now: datetime | None = None) -> str:
    """Return an id for a run: the time, and four random digits."""
    return f"{now or datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def data_name(source: str) -> str:
    """Return the name of a dataset: the last part of its path."""
    return encodable(Path(source).name or source)


def default_name(config: TrainConfig) -> str:
    """Return the name for a run without one: the most similar preset, the data, and the settings that differ from it.

    For example 'Quick look on fer2013.csv', or 'Standard on fer2013.csv, network small, 2 more'.
    """
    found = {preset.title: _differing(preset.settings(config.data), config) for preset in PRESETS}
    preset = min(found, key=lambda title: len(found[title]))
    name = f"{preset} on {shortened(data_name(config.data), _MAX_DATA_NAME)}"
    left = found[preset]
    # As many as fit, with room for a time behind them.
    while left and len(f"{name}, {left[0]}") <= MAX_NAME - _RESERVED:
        name, left = f"{name}, {left[0]}", left[1:]
    return f"{name}, {len(left)} more" if left else name


def _differing(preset: TrainConfig, config: TrainConfig) -> list[str]:
    """Return the settings that differ from those of a preset, in the order of the form, such as 'network small'."""
    names = [name for group in GROUPS.values() for name in group]
    return [_setting(name, getattr(config, name)) for name in names if getattr(config, name) != getattr(preset, name)]


def _setting(name: str, value: Any) -> str:
    words = label(name).lower()
    if isinstance(value, bool):
        return words if value else f"no {words}"
    if name in MODELS:
        return f"{words} {', '.join(map(data_name, value))}" if value else f"no {words}"
    if name == "votes":
        return f"{words} {data_name(value)}" if value else f"no {words}"
    return f"{words} {value:g}" if isinstance(value, float) else f"{words} {value}"


def _new_name(name: str, now: datetime) -> str:
    """Return a name that no run has: if it is taken, with the time behind it."""
    taken = {run.name for run in list_runs()}
    for form in ("", ", %Y-%m-%d %H:%M", ", %Y-%m-%d %H:%M:%S"):
        distinct = f"{name}{now.strftime(form)}"
        if distinct not in taken:
            break
    return distinct


def clean_name(name: str | None) -> str:
    """Return a name on one line, without blanks around it, of at most `MAX_NAME` characters, in valid Unicode."""
    return encodable(" ".join((name or "").split())[:MAX_NAME])


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
