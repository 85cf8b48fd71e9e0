"""Train the shipped model and put it into `model/`: `make model DATA=fer2013.csv [VOTES=fer2013new.csv]`.

Each training of the recipe is a run under FER_HOME like any other. An interrupted one continues, and a finished one is
not repeated. With KERAS_BACKEND=jax, they train on the GPU that JAX finds.
"""

import hashlib
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
from fer.datasets.store.loading import find_source, load_dataset
from fer.errors import ConfigError, FerError
from fer.recognition.bundle import BUNDLE_FILE
from fer.runs import control, layout, store
from fer.runs.config import TrainConfig
from fer.runs.progress import FINISHED
from fer.storage import files


@dataclass(frozen=True)
class Training:
    """A training of the recipe.

    Attributes:
        name: the name of its run.
        config: its settings, except for the data and the models of earlier steps.
        start_from, teacher: the earlier steps, counted from 0, whose models it starts from and learns from.
    """

    name: str
    config: TrainConfig
    start_from: tuple[int, ...] = ()
    teacher: tuple[int, ...] = ()


@dataclass(frozen=True)
class Average:
    """The average of the weights of earlier steps' models.

    Attributes:
        name: its name.
        shares: the share of each step, counted from 0. The last is a training, and they sum to 1.
        fear_offset: added to the logit of fear.
    """

    name: str
    shares: Mapping[int, float]
    fear_offset: float


# Every step holds out the same part. It neither trains weights nor chooses an epoch: temperature,
# threshold and the offset of fear are fitted on it.
_FIRST: Final = TrainConfig(epochs=36, holdout=0.04)
_TUNING: Final = replace(_FIRST, label_smoothing=0.0, mixup=0.2, learning_rate=1e-3)
# Close to faces in use: hardly rotated, shifted or relit, and never covered.
_FINISH: Final = replace(
    _TUNING,
    epochs=5,
    warmup_epochs=0.3,
    learning_rate=5e-4,
    mixup=0.1,
    erasing=0.0,
    rotation_degrees=5.0,
    scale=0.06,
    shift=0.03,
    light=0.15,
    teacher_share=0.3,
)
# A little more augmented, and one in five like a poor camera's, so that blur and noise cost less accuracy.
_CAMERAS: Final = replace(_FINISH, epochs=7, erasing=0.1, rotation_degrees=7.0, scale=0.08, shift=0.05, degradation=0.2)
RECIPE: Final = (
    Training("from nothing", _FIRST),
    # Two with other targets, so that they make different errors.
    Training("the crowd's labels", replace(_TUNING, epochs=14, crowd_labels=0.5), start_from=(0,)),
    Training("its own answers", replace(_TUNING, epochs=18, teacher_share=0.3), start_from=(0,), teacher=(0,)),
    Average("the average of both", {1: 0.2, 2: 0.8}, fear_offset=0.3),
    Training("nearly as served", _FINISH, start_from=(3,), teacher=(3,)),
    Average("before and after", {3: 0.3, 4: 0.7}, fear_offset=0.2),
    Training("poor cameras", _CAMERAS, start_from=(5,), teacher=(5,)),
    Average("a fifth of it", {5: 0.8, 6: 0.2}, fear_offset=0.0),
)


@click.command()
@click.argument("data")
@click.argument("votes", required=False)
def main(data: str, votes: str | None) -> None:
    """Train on DATA, a FER-2013 CSV, and VOTES, the FER+ file (found automatically next to the CSV)."""
    try:
        source = find_source(Path(data)).absolute()
        file = Path(votes).absolute() if votes else None
        # Problems with the data show before a run is created.
        dataset = load_dataset(source, file)
        if dataset.votes is None:
            click.echo("Without the FER+ votes the model learns from the labels alone; expect a weaker one.")
        steps = _without_votes(RECIPE) if dataset.votes is None else RECIPE
        folder = made(steps, str(source), str(file) if file else None)
    except FerError as error:
        raise click.ClickException(str(error)) from error
    subprocess.run([sys.executable, "-m", "scripts.ship_model", str(folder)], cwd=paths.CHECKOUT, check=True)


def _without_votes(steps: Sequence[Training | Average]) -> list[Training | Average]:
    return [
        replace(step, config=replace(step.config, crowd_labels=0.0)) if isinstance(step, Training) else step
        for step in steps
    ]


def made(steps: Sequence[Training | Average], data: str, votes: str | None) -> Path:
    """Make every step's model, and return the folder of the last.

    Raises:
        click.ClickException, FerError: as `trained` and `averaged`.
    """
    folders: list[Path] = []
    for number, step in enumerate(steps, start=1):
        name = f"shipped model, {number} of {len(steps)}: {step.name}"
        if isinstance(step, Average):
            shares = {folders[index]: share for index, share in step.shares.items()}
            folders.append(averaged(shares, step.fear_offset, name, again=number == len(steps)))
            continue
        bundles = [str(folder / layout.BUNDLE) for folder in folders]
        config = replace(
            step.config,
            data=data,
            votes=votes,
            start_from=tuple(bundles[index] for index in step.start_from),
            teacher=tuple(bundles[index] for index in step.teacher),
        )
        folders.append(trained(config, name))
    return folders[-1]


def averaged(shares: Mapping[Path, float], fear_offset: float, name: str, *, again: bool) -> Path:
    """Return a folder inside the last one's, with its settings and curves, and the average of all models.

    Args:
        shares: by the folders of finished runs and averages; the last is a run.
        fear_offset: added to the logit of fear.
        name: its name.
        again: make it even if it exists. Teachers are never made again, because a run resumes only with the same one.

    Raises:
        click.ClickException: the model was not made.
        FerError: the settings cannot be read.
    """
    last = list(shares)[-1]
    config = replace(store.read_config(last.name), fear_offset=fear_offset)
    models = json.dumps([(str(part / layout.BUNDLE), share) for part, share in shares.items()])
    # Its parts are in its name, so that a training with another teacher is a different training.
    folder = last / f"average-{hashlib.sha256(f'{models} {fear_offset}'.encode()).hexdigest()[:8]}"
    # Copied last, it marks the folder as complete.
    curves = folder / layout.METRICS
    if not again and curves.is_file() and (folder / layout.BUNDLE / BUNDLE_FILE).is_file():
        return folder
    folder.mkdir(exist_ok=True)
    files.write_text(folder / layout.CONFIG, config.to_json() + "\n")
    files.write_json(folder / layout.NOTES, {"name": name})
    command = [sys.executable, "-m", "fer.training.averaging", str(folder), models]
    click.echo(f"Averaging {len(shares)} models")
    # TensorFlow's messages during its import are for its developers.
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    if subprocess.run(command, cwd=paths.CHECKOUT, env=quiet, check=False).returncode:
        raise click.ClickException("The average was not made; see above. The same command tries it again.")
    shutil.copyfile(last / layout.METRICS, curves)
    return folder


def trained(config: TrainConfig, name: str) -> Path:
    """Return the folder of a finished run with these settings: an existing, a continued or a new one.

    Raises:
        click.ClickException: the run didn't finish.
        FerError: the settings name something missing, or the run's folder couldn't be created.
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
        raise click.ClickException(f"{ended.progress.message} Delete it with: {paths.typed(f'runs delete {run.id}')}")
    if ended.state != FINISHED:
        why = f" {ended.progress.message}" if ended.progress.message else ""
        raise click.ClickException(f"Run {run.id} did not finish; the same command continues it.{why}")
    return ended.folder


def _settings(run_id: str) -> TrainConfig | None:
    """Return a run's settings, or None if another version wrote them or they are damaged."""
    with suppress(ConfigError):
        return store.read_config(run_id)
    return None


if __name__ == "__main__":
    main()
