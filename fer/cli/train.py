"""`python -m fer train`: the run itself, in the foreground, with an option for every setting of `TrainConfig`."""

import dataclasses
import typing
from collections.abc import Callable
from typing import Any

import click

from fer.runs.config import TrainConfig


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
            decorate = click.option(option, type=option_type, default=item.default, show_default=True, help=text)
        command = decorate(command)
    return command


@click.command()
@_with_settings
def train(**settings: Any) -> None:
    """Train a network and write its run to FER_HOME/runs: curves, the best epoch's model, a report.

    The first line names the run. Data are a FER-2013 CSV, a folder with train/, validation/ and test/, or 'synthetic',
    small drawn faces for a first try without a download.
    """
    config = TrainConfig(**settings)
    # Here alone: importing TensorFlow takes seconds and hundreds of megabytes that no other command should pay.
    from fer.training.run import train_here

    train_here(config)
