"""A whole run in this process: load, fit from where it was, export, report."""

import contextlib
import shutil
import time
import zipfile
from typing import Final

import keras
import numpy as np
import numpy.typing as npt

from fer.datasets.faces import FaceDataset
from fer.errors import BundleError, ConfigError, RunError
from fer.evaluation.report import write_run_report
from fer.recognition.bundle import KERAS_FILE, load_bundle
from fer.runs import layout
from fer.runs.config import TrainConfig
from fer.runs.session import RunSession, StopRequested
from fer.runs.store import read_config
from fer.storage import files
from fer.training.batches import TrainingBatches
from fer.training.bundling import BEST_WEIGHTS, bundle_run
from fer.training.checkpoints import Checkpoint, newest_checkpoint
from fer.training.fit import (
    Parts,
    compiled_network,
    has_votes,
    load_data,
    models_digest,
    needed_models,
    split_parts,
)
from fer.training.loggers import metric_loggers
from fer.training.networks import VOTES
from fer.training.teacher import taught_labels
from fer.training.watch import Watch

_TAUGHT: Final = "taught.npz"


def train_run(session: RunSession) -> None:
    """Train a run to its end, from its last checkpoint where there is one.

    Where it is stopped or fails, the best model so far is exported all the same.

    Raises:
        FerError: the settings, the data or the training do not allow it, in one sentence.
        StopRequested: it was stopped.
    """
    folder = session.folder
    config = read_config(folder.name)
    session.update(now=True, doing="loading the data")
    dataset = load_data(config)
    session.check_stop()
    parts = split_parts(dataset, config)
    resumed = _last_checkpoint(session)
    if resumed is not None:
        _require_same_data(resumed, parts)
        _require_same_models(resumed, config)
    try:
        watch = _fit(session, config, dataset.name, parts, resumed)
    except StopRequested:
        _export(session, config, dataset)
        raise
    except Exception:
        _export_after_failure(session, config, dataset)
        raise
    _export(session, config, dataset)
    best = watch.state.best
    if best is not None:
        session.say(
            f"best: epoch {best.epoch}, validation accuracy {best.accuracy:.4f}; model in {folder / layout.BUNDLE}"
        )


def _last_checkpoint(session: RunSession) -> Checkpoint | None:
    files.restore_folder(session.folder / layout.BUNDLE)
    checkpoint, complaints = newest_checkpoint(session.folder / layout.CHECKPOINTS)
    for complaint in complaints:
        session.say(complaint)
    if complaints:
        where = f"epoch {checkpoint.state.epoch}" if checkpoint else "the beginning"
        session.update(message=f"The newest checkpoint was damaged; the run went on from {where}.")
    return checkpoint


def _require_same_data(resumed: Checkpoint, parts: Parts) -> None:
    """See that a run goes on with the images, labels and votes that it began with.

    Raises:
        RunError: a file or the corrections have changed since.
    """
    before = resumed.state
    if before.data and before.data != parts.digest():
        counts = f"{before.n_train} images to train on then, {len(parts.train)} now"
        raise RunError(
            f"The data have changed since this run began ({counts}): bring back the file, the votes or the corrections "
            "as they were, or start a new run with the same settings."
        )


def _require_same_models(resumed: Checkpoint, config: TrainConfig) -> None:
    """See that a run goes on with the teachers and the starts that it began with.

    Raises:
        RunError: one of them is another model by now, or gone.
    """
    before = resumed.state.models
    try:
        now = models_digest(config)
    except BundleError as error:
        raise RunError(
            f"This run cannot go on without a model that it learns from. {error} Bring that folder back, or start a "
            "new run with the same settings."
        ) from error
    if before and before != now:
        pairs = zip(needed_models(config), before.split(), now.split(), strict=False)
        places = " and ".join(dict.fromkeys(place for place, then, since in pairs if then != since))
        raise RunError(
            f"Since this run began, another model was put into {places}: bring the one before back, or start a new run "
            "with the same settings."
        )


def _fit(session: RunSession, config: TrainConfig, data_name: str, parts: Parts, resumed: Checkpoint | None) -> Watch:
    taught = _taught(session, config, parts)
    session.update(now=True, doing="building the network")
    batches = TrainingBatches(parts.train, config, votes=has_votes(parts, config), taught=taught)
    network = compiled_network(config, parts, batches.steps)
    session.say(
        f"{data_name}: {len(parts.train)} images to train on, {len(parts.validation)} to validate on; "
        f"{network.count_params() / 1e6:.2f} M parameters; {keras.config.dtype_policy().name}"
    )
    session.update(
        now=True,
        doing="compiling the first step",
        n_train=len(parts.train),
        n_validation=len(parts.validation),
        epochs=config.epochs,
    )
    start: list[npt.NDArray[np.float32]] = []
    if config.start_from and (resumed is None or config.start_share):
        start = _starting_weights(network, config)
    if resumed is not None:
        resumed.restore(network)
        session.say(f"goes on after epoch {resumed.state.epoch}, step {resumed.state.batch}")
    elif start:
        # The votes' head comes last, and starts anew.
        network.set_weights([*start, *network.get_weights()[len(start) :]])
    watch = Watch(session, config, parts, batches, resumed, metric_loggers(session, config), start)
    watch.publish()
    if watch.state.batch:
        # Keras asks for the number of steps once a call.
        batches.begin_epoch(watch.state.epoch + 1, watch.state.batch)
        _call_fit(network, watch, batches, watch.state.epoch + 1)
    if not watch.done:
        batches.begin_epoch(watch.state.epoch + 1)
        _call_fit(network, watch, batches, config.epochs)
    return watch


def _taught(session: RunSession, config: TrainConfig, parts: Parts) -> npt.NDArray[np.float32] | None:
    """The teachers' answers to the training images; asked once a run, and kept in its folder."""
    if not config.teacher:
        return None
    file, asked = session.folder / _TAUGHT, f"{models_digest(config)} on {parts.digest()}"
    # A file that is not there, or was cut off, is made anew.
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile), np.load(file) as kept:
        if str(kept["asked"]) == asked:
            return np.asarray(kept["answers"], np.float32)

    def progress(share: float) -> None:
        session.check_stop()
        session.update(doing=f"asking the teacher{'s' if len(config.teacher) > 1 else ''} ({share:.0%})")

    answers = taught_labels(config.teacher, parts.train.images, progress)
    np.savez(file, asked=asked, answers=answers)
    return answers


def _call_fit(network: keras.Model, watch: Watch, batches: TrainingBatches, epochs: int) -> None:
    # The batches are shuffled already, by what the seed and the epoch say; Keras would do it by the clock.
    network.fit(batches, initial_epoch=watch.state.epoch, epochs=epochs, callbacks=[watch], verbose=0, shuffle=False)
    # Keras leaves the average of the weights in their place.
    network.set_weights(watch.weights)


def _starting_weights(network: keras.Model, config: TrainConfig) -> list[npt.NDArray[np.float32]]:
    """The weights that a run starts from, which are the first ones of its network: a bundle's, or several's average.

    Networks that one was fine-tuned into lie in one valley, and the average of their weights answers much as all of
    them together (Wortsman et al., 'Model soups', 2022).

    Raises:
        BundleError: there is no whole bundle with a Keras file.
        ConfigError: its network is another one.
    """
    models = [_weights(network, folder) for folder in config.start_from]
    return [np.mean(same, axis=0) for same in zip(*models, strict=True)]


def _weights(network: keras.Model, folder: str) -> list[npt.NDArray[np.float32]]:
    bundle = load_bundle(folder)
    file = bundle.path / KERAS_FILE
    if KERAS_FILE not in bundle.files:
        raise BundleError(f"The model in '{bundle.path}' has no {KERAS_FILE} to train on; choose one made by a run.")
    try:
        weights: list[npt.NDArray[np.float32]] = keras.saving.load_model(
            file, safe_mode=True, compile=False
        ).get_weights()
    except (ValueError, TypeError, OSError) as error:
        raise BundleError(f"'{file}' cannot be read; choose another model to start from.") from error
    wanted = [tuple(weight.shape) for weight in network.weights if weight.path.split("/")[0] != VOTES]
    if [weight.shape for weight in weights] != wanted:
        name = bundle.network.get("name", "another one")
        raise ConfigError(
            f"start_from: the network of the model in '{bundle.path}' is {name}; choose the same network, or another "
            "model."
        )
    return weights


def _export_after_failure(session: RunSession, config: TrainConfig, dataset: FaceDataset) -> None:
    """Write the best model so far where it can be; why the run failed is what its user must read."""
    try:
        _export(session, config, dataset)
    except Exception as error:  # such as a full disk, which may have been why the run failed
        with contextlib.suppress(OSError):
            session.log(f"the best model so far could not be written ({type(error).__name__}: {error})")


def _export(session: RunSession, config: TrainConfig, dataset: FaceDataset) -> None:
    """Write the best epoch's bundle and the report, where there is an epoch."""
    folder = session.folder
    checkpoint, _ = newest_checkpoint(folder / layout.CHECKPOINTS)
    if checkpoint is None or checkpoint.best_file is None or checkpoint.state.best is None:
        return
    session.update(now=True, doing="writing the model", seconds_left=None)
    with checkpoint.best_file.open("rb") as weights, files.replacing(folder / BEST_WEIGHTS) as copy:
        shutil.copyfileobj(weights, copy)
    began = time.monotonic()
    bundle = bundle_run(folder, config, dataset)
    write_run_report(bundle, dataset, folder)
    session.say(f"exported and measured in {time.monotonic() - began:.0f} s")
    history = checkpoint.state.history
    files.write_json(
        folder / layout.REPORT,
        {
            "run": folder.name,
            "epoch": checkpoint.state.best.epoch,
            "epochs": checkpoint.state.epoch,
            "seconds": round(checkpoint.state.seconds, 1),
            "seconds_an_epoch": round(float(np.median([row["seconds"] for row in history])), 2),
            "network": bundle.network,
            "data": bundle.data,
            "temperature": bundle.temperature,
            "confidence_threshold": bundle.confidence_threshold,
            "metrics": bundle.metrics,
        },
        durable=True,
    )
