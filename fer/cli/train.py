"""`python -m fer train`: the run itself, in the foreground, with an option for every setting of `TrainConfig`."""

import dataclasses
import os
import sys
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from fer import paths
from fer.runs import control, estimates, layout, session
from fer.runs.checks import require_startable, whole_path
from fer.runs.config import MODELS, TrainConfig
from fer.storage.processes import lower_priority
from fer.text import duration

_SYNTHETIC: Final = "synthetic"


def _with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each setting; its default, range, choices and help come from the setting itself."""
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
                help=f"{text}. May be given several times" if several else text,
            )
        command = decorate(command)
    return command


@click.command()
@_with_settings
@click.option("--name", help="What the run is called in tables  [default: the network and the data]")
@click.option("--id", "run_id", hidden=True, help="A run that was made already; for the page that starts it")
@click.option("--estimate", is_flag=True, help="Try a few steps, say what the run would take, and start nothing")
def train(name: str | None, run_id: str | None, estimate: bool, **settings: Any) -> None:
    """Train a network and write its run to FER_HOME/runs: curves, the best epoch's model, a report.

    The first line is the run's id. Data are a FER-2013 CSV, a folder with train/, validation/ and test/, or
    'synthetic', small drawn faces for a first try without a download. One run trains at a time; others wait. Ctrl-C
    stops it within a step and keeps the best model; `python -m fer runs resume ID` goes on.
    """
    config = TrainConfig(**_with_whole_paths(settings))
    if estimate:
        require_startable(config)
        _set_up_process()
        from fer.training.probe import probe

        measured = probe(config)
        estimates.remember(config, measured)
        click.echo(f"about {duration(estimates.seconds_for(config, measured))} on this machine")
        return
    if run_id is None:
        run_id = control.create(config, name)
    click.echo(run_id)
    train_in_folder(layout.run_folder(run_id))


def _with_whole_paths(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with paths that mean the same wherever the run is resumed from."""
    whole: dict[str, Any] = {
        name: whole_path(name, settings[name])
        for name in ("data", "votes")
        if settings[name] not in (None, "", _SYNTHETIC)
    }
    for name in MODELS:
        whole[name] = tuple(whole_path(name, folder) for folder in settings[name] if folder)
    return settings | whole


def train_in_folder(folder: Path) -> None:
    """Be the run of a folder in this process, in the foreground, from its turn to its end.

    Raises:
        FerError: it failed, in one sentence.
    """
    _set_up_process()
    try:
        with session.running(folder) as run:
            # Here alone: importing TensorFlow takes seconds and hundreds of megabytes that no other command should
            # pay, nor a run that waits for its turn.
            with _native_messages_in(folder / layout.LOG):
                from fer.training.run import train_run

            train_run(run)
    except session.StopRequested:
        click.echo(f"Stopped. Go on with: python -m fer runs resume {folder.name}", err=True)


@contextmanager
def _native_messages_in(log: Path) -> Iterator[None]:
    """Send to a file what TensorFlow's C++ says while it is imported, which no setting of its own keeps quiet."""
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
    """What must be set before TensorFlow is imported; and a back seat: a person's live camera comes first."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Keras writes its settings file where it finds none, by default into the user's home.
    os.environ.setdefault("KERAS_HOME", str(paths.runs_dir() / ".keras"))
    # By itself TensorFlow takes oneDNN only with AVX-512; with AVX2, too, it makes a step 1.35 times faster.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    lower_priority()
