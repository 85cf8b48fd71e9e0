"""Train the model that is shipped, and put it into `model/`: `make model DATA=fer2013.csv [VOTES=fer2013new.csv]`.

It is a training run under FER_HOME like any other. One that was interrupted goes on, and one that is done is not done
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
from fer.runs import control, store
from fer.runs.config import TrainConfig
from fer.runs.progress import FINISHED

# What is held out is neither trained on nor chosen by: temperature and threshold are fitted on it.
RECIPE: Final = TrainConfig(epochs=36, holdout=0.04)


@click.command()
@click.argument("data")
@click.argument("votes", required=False)
def main(data: str, votes: str | None) -> None:
    """Train on DATA, a FER-2013 CSV, and VOTES, the FER+ file (found beside the CSV by itself)."""
    try:
        source = find_source(Path(data)).absolute()
        file = Path(votes).absolute() if votes else None
        # What is wrong with the data shows before a run is made of them.
        load_dataset(source, file)
        run = trained(replace(RECIPE, data=str(source), votes=file and str(file)))
    except FerError as error:
        raise click.ClickException(str(error)) from error
    subprocess.run([sys.executable, "-m", "scripts.ship_model", str(run)], cwd=paths.CHECKOUT, check=True)


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
