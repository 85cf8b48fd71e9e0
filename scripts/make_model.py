"""Train the model that is shipped, and put it into `model/`: `make model DATA=fer2013.csv [VOTES=fer2013new.csv]`.

The recipe has two stages, each a training run under FER_HOME: from nothing on the labels as they are, then on from
there with labels that the crowd's votes soften. A stage that was interrupted goes on; one that is done is not done
again. With KERAS_BACKEND=jax it trains where JAX finds a GPU.
"""

import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from fer import paths
from fer.datasets.loading import find_source, load_dataset
from fer.errors import ConfigError, FerError
from fer.runs import control, files, store
from fer.runs.config import TrainConfig
from fer.runs.progress import FINISHED

# Kept apart from both stages alike, by the same stratified draw: temperature and threshold are fitted on it.
_HOLDOUT: Final = 0.04
_FIRST: Final = TrainConfig(epochs=36, holdout=_HOLDOUT)
_SECOND: Final = TrainConfig(
    epochs=14, holdout=_HOLDOUT, learning_rate=1e-3, label_smoothing=0.0, crowd_labels=0.5, mixup=0.2
)


@click.command()
@click.argument("data")
@click.argument("votes", required=False)
def main(data: str, votes: str | None) -> None:
    """Train both stages on DATA, a FER-2013 CSV, and VOTES, the FER+ file (found beside the CSV by itself)."""
    try:
        source = find_source(Path(data)).absolute()
        crowd = str(Path(votes).absolute()) if votes else None
        has_votes = load_dataset(str(source), votes=Path(crowd) if crowd else None).votes is not None
        first = stage("recipe, stage 1", replace(_FIRST, data=str(source), votes=crowd))
        start = str(first / files.BUNDLE)
        second = replace(_SECOND, data=str(source), votes=crowd, start_from=start)
        last = stage("recipe, stage 2", second if has_votes else replace(second, crowd_labels=0.0, label_smoothing=0.1))
    except FerError as error:
        raise click.ClickException(str(error)) from error
    subprocess.run([sys.executable, "-m", "scripts.ship_model", str(last)], cwd=paths.CHECKOUT, check=True)


def stage(name: str, config: TrainConfig) -> Path:
    """The folder of a finished run with these settings: one that is there, one that goes on, or a new one.

    Raises:
        click.ClickException: the run did not come to its end.
    """
    known = next((run for run in store.list_runs() if _settings(run.id) == config), None)
    if known is None:
        known = store.read_run(control.create(config, name))
        command = control.train_command(config, known.id)
    else:
        command = control.resume_command(known.id)
    if known.state != FINISHED:
        click.echo(f"{name}: run {known.id}")
        subprocess.run(command, cwd=paths.CHECKOUT, check=False)
    ended = store.read_run(known.id)
    if ended.progress.hopeless:
        raise click.ClickException(f"{ended.progress.message} Delete it with: python -m fer runs delete {known.id}")
    if ended.state != FINISHED:
        raise click.ClickException(f"Run {known.id} did not come to its end; the same command goes on from there.")
    return known.folder


def _settings(run_id: str) -> TrainConfig | None:
    """A run's settings; None where another version wrote them, or they are damaged."""
    with suppress(ConfigError):
        return store.read_config(run_id)
    return None


if __name__ == "__main__":
    main()
