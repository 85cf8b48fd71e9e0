"""Train the model that is shipped, and put it into `model/`: `make model DATA=fer2013.csv [VOTES=fer2013new.csv]`.

Each of its stages is a training run under FER_HOME like any other. One that was interrupted goes on, and one that is
done is not done again. With KERAS_BACKEND=jax they train where JAX finds a GPU.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True)
class Stage:
    """One training of the recipe.

    Attributes:
        name: what its run is called.
        config: its settings, but for the data and the models of earlier stages.
        start_from, teacher: the earlier stages, counted from 0, whose models it starts from and learns from.
    """

    name: str
    config: TrainConfig
    start_from: tuple[int, ...] = ()
    teacher: tuple[int, ...] = ()


# What is held out is the same part in every stage. No weight learns from it and no epoch is chosen by it: temperature,
# threshold and the offset of fear are fitted on it.
_FIRST: Final = TrainConfig(epochs=36, holdout=0.04)
_TUNING: Final = replace(_FIRST, label_smoothing=0.0, mixup=0.2, learning_rate=1e-3)
RECIPE: Final = (
    Stage("from nothing", _FIRST),
    # Two that see other targets, so that they err in different ways.
    Stage("the crowd's labels", replace(_TUNING, epochs=14, crowd_labels=0.5), start_from=(0,)),
    Stage("its own answers", replace(_TUNING, epochs=18, teacher_share=0.3), start_from=(0,), teacher=(0,)),
)
# What is shipped: the average of the weights of these stages by these shares, with fear favoured.
SHARES: Final = {1: 0.2, 2: 0.8}
FEAR_OFFSET: Final = 0.3


@click.command()
@click.argument("data")
@click.argument("votes", required=False)
def main(data: str, votes: str | None) -> None:
    """Train on DATA, a FER-2013 CSV, and VOTES, the FER+ file (found beside the CSV by itself)."""
    try:
        source = find_source(Path(data)).absolute()
        file = Path(votes).absolute() if votes else None
        # What is wrong with the data shows before a run is made of them.
        dataset = load_dataset(source, file)
        if dataset.votes is None:
            click.echo("Without the FER+ votes the model learns from the labels alone; expect a weaker one.")
        stages = _without_votes(RECIPE) if dataset.votes is None else RECIPE
        folder = averaged(train_stages(stages, str(source), file and str(file)), SHARES)
    except FerError as error:
        raise click.ClickException(str(error)) from error
    subprocess.run([sys.executable, "-m", "scripts.ship_model", str(folder)], cwd=paths.CHECKOUT, check=True)


def _without_votes(stages: Sequence[Stage]) -> list[Stage]:
    return [replace(stage, config=replace(stage.config, crowd_labels=0.0)) for stage in stages]


def train_stages(stages: Sequence[Stage], data: str, votes: str | None) -> list[Path]:
    """The folders of the stages' finished runs.

    Raises:
        click.ClickException, FerError: as `trained`.
    """
    folders: list[Path] = []
    for number, stage in enumerate(stages, start=1):
        bundles = [str(folder / files.BUNDLE) for folder in folders]
        config = replace(
            stage.config,
            data=data,
            votes=votes,
            start_from=tuple(bundles[index] for index in stage.start_from),
            teacher=tuple(bundles[index] for index in stage.teacher),
        )
        folders.append(trained(config, f"shipped model, {number} of {len(stages)}: {stage.name}"))
    return folders


def averaged(folders: Sequence[Path], shares: Mapping[int, float]) -> Path:
    """A folder in the last stage's, with its settings and curves and the model that is the stages' average.

    Raises:
        click.ClickException: the model was not made.
        FerError: the settings cannot be read.
    """
    folder = folders[-1] / "average"
    folder.mkdir(exist_ok=True)
    config = replace(store.read_config(folders[-1].name), fear_offset=FEAR_OFFSET)
    files.write_text(folder / files.CONFIG, config.to_json() + "\n")
    shutil.copyfile(folders[-1] / files.METRICS, folder / files.METRICS)
    models = json.dumps([(str(folders[index] / files.BUNDLE), share) for index, share in shares.items()])
    command = [sys.executable, "-m", "fer.training.averaging", str(folder), models]
    click.echo(f"Averaging the models of {len(shares)} runs")
    # What TensorFlow says at its import is for its developers.
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    if subprocess.run(command, cwd=paths.CHECKOUT, env=quiet, check=False).returncode:
        raise click.ClickException("The average was not made; see above. The same command tries it again.")
    return folder


def trained(config: TrainConfig, name: str) -> Path:
    """The folder of a finished run with these settings: one that is there, one that goes on, or a new one.

    Raises:
        click.ClickException: the run did not come to its end.
        FerError: the settings name what is not there, or the run's folder could not be made.
    """
    same = [run for run in store.list_runs() if _settings(run.id) == config]
    run = next((run for run in same if run.state == FINISHED), same[0] if same else None)
    if run is None:
        run = store.read_run(control.create(config, name))
        command = control.train_command(config, run.id)
    else:
        command = control.resume_command(run.id)
    if run.state != FINISHED:
        click.echo(f"Run {run.id}, {name}")
        subprocess.run(command, cwd=paths.CHECKOUT, check=False)
    ended = store.read_run(run.id)
    if ended.progress.hopeless:
        raise click.ClickException(f"{ended.progress.message} Delete it with: python -m fer runs delete {run.id}")
    if ended.state != FINISHED:
        why = f" {ended.progress.message}" if ended.progress.message else ""
        raise click.ClickException(f"Run {run.id} did not come to its end; the same command goes on from there.{why}")
    return ended.folder


def _settings(run_id: str) -> TrainConfig | None:
    """A run's settings; None where another version wrote them, or they are damaged."""
    with suppress(ConfigError):
        return store.read_config(run_id)
    return None


if __name__ == "__main__":
    main()
