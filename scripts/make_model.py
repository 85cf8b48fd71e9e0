"""Train the model that is shipped, and put it into `model/`: `make model DATA=fer2013.csv [VOTES=fer2013new.csv]`.

Three training runs under FER_HOME like any other: one from nothing, and two that go on from the one before. One that
was interrupted goes on, and one that is done is not done again. With KERAS_BACKEND=jax it trains where JAX finds a GPU.
"""

import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import click

from fer import paths
from fer.datasets.loading import find_source, load_dataset
from fer.errors import ConfigError, FerError
from fer.runs import control, files, store
from fer.runs.config import TrainConfig
from fer.runs.progress import FINISHED

# What is held out is neither trained on nor chosen by: temperature and threshold are fitted on it.
_FROM_NOTHING: Final = TrainConfig(epochs=36, holdout=0.04)
_GOING_ON: Final = replace(_FROM_NOTHING, learning_rate=1e-3, label_smoothing=0.0, mixup=0.2, start_share=0.5)


@dataclass(frozen=True)
class Stage:
    """One run of the recipe: its settings, and whether the stage before teaches as well as begins."""

    config: TrainConfig
    taught: bool = False


RECIPE: Final = (
    Stage(_FROM_NOTHING),
    Stage(replace(_GOING_ON, epochs=14, crowd_labels=0.5)),
    Stage(replace(_GOING_ON, epochs=5), taught=True),
)


@click.command()
@click.argument("data")
@click.argument("votes", required=False)
def main(data: str, votes: str | None) -> None:
    """Train on DATA, a FER-2013 CSV, and VOTES, the FER+ file (found beside the CSV by itself)."""
    try:
        source = find_source(Path(data)).absolute()
        file = Path(votes).absolute() if votes else None
        # What is wrong with the data shows before hours of training.
        voted = load_dataset(source, file).votes is not None
        run = made(str(source), file and str(file), RECIPE if voted else _without_votes(RECIPE))
    except FerError as error:
        raise click.ClickException(str(error)) from error
    subprocess.run([sys.executable, "-m", "scripts.ship_model", str(run)], cwd=paths.CHECKOUT, check=True)


def _without_votes(recipe: Sequence[Stage]) -> list[Stage]:
    """The same where the crowd's votes are not to be had: labels stay as they are."""
    return [replace(stage, config=replace(stage.config, crowd_labels=0.0)) for stage in recipe]


def made(data: str, votes: str | None, recipe: Sequence[Stage]) -> Path:
    """The folder of the last stage's run, finished; each stage goes on from the one before.

    Raises:
        click.ClickException: a stage did not come to its end.
        FerError: as `trained`.
    """
    run: Path | None = None
    for number, stage in enumerate(recipe, start=1):
        click.echo(f"Stage {number} of {len(recipe)}")
        before = str(run / files.BUNDLE) if run else None
        run = trained(
            replace(
                stage.config,
                data=data,
                votes=votes,
                start_from=before,
                teacher=before if stage.taught else None,
            )
        )
    assert run, "a recipe has a stage"
    return run


def trained(config: TrainConfig) -> Path:
    """The folder of a finished run with these settings: one that is there, one that goes on, or a new one.

    Raises:
        click.ClickException: the run did not come to its end.
        FerError: the settings name what is not there, or the run's folder could not be made.
    """
    run = next((run for run in store.list_runs() if _settings(run.id) == config), None)
    if run is None:
        run = store.read_run(control.create(config, "the shipped model's recipe"))
        command = control.train_command(config, run.id)
    else:
        command = control.resume_command(run.id)
    if run.state != FINISHED:
        click.echo(f"Run {run.id}")
        subprocess.run(command, cwd=paths.CHECKOUT, check=False)
    ended = store.read_run(run.id)
    if ended.progress.hopeless:
        raise click.ClickException(f"{ended.progress.message} Delete it with: python -m fer runs delete {run.id}")
    if ended.state != FINISHED:
        raise click.ClickException(f"Run {run.id} did not come to its end; the same command goes on from there.")
    return ended.folder


def _settings(run_id: str) -> TrainConfig | None:
    """A run's settings; None where another version wrote them, or they are damaged."""
    with suppress(ConfigError):
        return store.read_config(run_id)
    return None


if __name__ == "__main__":
    main()
