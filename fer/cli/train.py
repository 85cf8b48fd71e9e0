"""The command `fer train`: train in the foreground, with an option for every setting of `TrainConfig`."""

import dataclasses
import os
import sys
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from fer import paths
from fer.runs import control, estimates, layout, session
from fer.runs.checks import absolute_path, require_startable
from fer.runs.config import MODELS, TrainConfig
from fer.runs.presets import PRESETS, preset_settings
from fer.storage.processes import lower_priority
from fer.text import duration

_SYNTHETIC: Final = "synthetic"


def _with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each setting, from the setting's default, range, choices and help."""
    hints = typing.get_type_hints(TrainConfig)
    for item in reversed(dataclasses.fields(TrainConfig)):
        meta, kind = item.metadata, hints[item.name]
        option = "--" + item.name.replace("_", "-")
        if kind is bool:
            decorate = click.option(
                f"{option}/--no-{option[2:]}", default=item.default, show_default=True, help=meta["help"]
            )
        else:
            option_type: Any = (
                click.Choice(meta["choices"]) if meta["choices"] else {int: int, float: float}.get(kind, str)
            )
            text = meta["help"] if meta["low"] is None else f"{meta['help']} ({meta['low']:g} to {meta['high']:g})"
            several = item.name in MODELS
            decorate = click.option(
                option,
                type=option_type,
                default=item.default,
                multiple=several,
                show_default=not several,
                help=f"{text}. Can be repeated" if several else text,
            )
        command = decorate(command)
    return command


@click.command()
@click.option(
    "--preset",
    type=click.Choice([preset.key for preset in PRESETS]),
    help="Take the other settings from a preset of the Training page",
)
@_with_settings
@click.option(
    "--name", help="Name of the run  [default: the most similar preset, the dataset, and the settings that differ]"
)
@click.option("--id", "run_id", hidden=True, help="An existing run; used by the page that starts it")
@click.option("--estimate", is_flag=True, help="Time a few steps, print how long the run would take, and exit")
def train(preset: str | None, name: str | None, run_id: str | None, estimate: bool, **settings: Any) -> None:
    """Train a network. The curves, the best model and a report are saved in FER_HOME/runs.

    The first line printed is the run's id. The data can be a FER-2013 CSV file, a folder with train/, validation/ and
    test/, or 'synthetic': small synthetic faces that need no download. One run trains at a time; others are queued.
    Ctrl-C stops the run after its step and keeps the best model; `fer runs resume ID` continues it.
    """
    config = TrainConfig(**_with_preset(preset, _with_absolute_paths(settings)))
    if estimate:
        require_startable(config)
        _set_up_process()
        from fer.training.probe import probe

        measured = probe(config)
        estimates.remember(config, measured)
        click.echo(f"about {duration(estimates.seconds_for(config, measured))} on this computer")
        return
    if run_id is None:
        run_id = control.create(config, name)
    click.echo(run_id)
    train_in_folder(layout.run_folder(run_id))


def _with_preset(preset: str | None, settings: dict[str, Any]) -> dict[str, Any]:
    """Replace what wasn't typed by the settings of a preset."""
    if preset is None:
        return settings
    context = click.get_current_context()
    typed = {
        name: value
        for name, value in settings.items()
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    return vars(preset_settings(preset, settings["data"])) | typed


def _with_absolute_paths(settings: dict[str, Any]) -> dict[str, Any]:
    """Make relative paths absolute, so that the run can be resumed from any folder."""
    absolute: dict[str, Any] = {
        name: absolute_path(name, settings[name])
        for name in ("data", "votes")
        if settings[name] not in (None, "", _SYNTHETIC)
    }
    for name in MODELS:
        absolute[name] = tuple(_bundle(text) for text in settings[name] if text)
    return settings | absolute


def _bundle(model: str) -> str:
    # Imported only here, because a queued run must stay small.
    from fer.runs.finding import find_model

    return str(find_model(model).absolute())


def train_in_folder(folder: Path) -> None:
    """Train the run of a folder in this process, in the foreground.

    Raises:
        FerError: the run failed.
    """
    _set_up_process()
    try:
        with session.running(folder) as run:
            # Imported only here: TensorFlow takes seconds and hundreds of megabytes, which other commands and queued
            # runs must not pay for.
            with _native_messages_in(folder / layout.LOG):
                from fer.training.run import train_run

            train_run(run)
    except session.StopRequested:
        click.echo(f"Stopped. Resume it with: {paths.typed(f'runs resume {folder.name}')}", err=True)


@contextmanager
def _native_messages_in(log: Path) -> Iterator[None]:
    """Send the messages of TensorFlow's C++ code during its import to a file; no setting turns them off."""
    sys.stderr.flush()
    terminal = os.dup(2)
    try:
        with log.open("ab") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


def _set_up_process() -> None:
    """Set what TensorFlow reads when it is imported, and lower the priority, because a live camera comes first."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Keras writes a settings file if it finds none, by default in the user's home.
    os.environ.setdefault("KERAS_HOME", str(paths.runs_dir() / ".keras"))
    # By default TensorFlow uses oneDNN only with AVX-512, but with AVX2 it also makes a step 1.35 times faster.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    lower_priority()
