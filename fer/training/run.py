"""Train a run in this process: load the data, fit from the last checkpoint, export the model, write the report."""

import contextlib
import shutil
import time
import zipfile
from typing import Final

import keras
import numpy as np
import numpy.typing as npt

from fer.comparing.fine_tuning import Change, measure_changes, to_report
from fer.comparing.predictions import report_run
from fer.datasets.faces import FaceDataset
from fer.errors import BundleError, FerError, RunError
from fer.recognition.bundle import Bundle
from fer.runs import layout
from fer.runs.config import TrainConfig
from fer.runs.session import RunSession, StopRequested
from fer.runs.store import read_config
from fer.storage import files
from fer.text import percent
from fer.training.batches import TrainingBatches
from fer.training.bundling import BEST_WEIGHTS, bundle_run
from fer.training.callback import RunCallback
from fer.training.checkpoints import Checkpoint, newest_checkpoint
from fer.training.compiling import compiled_network
from fer.training.distillation import distillation_targets
from fer.training.initial_models import initial_weights, models_digest, needed_models
from fer.training.loggers import metric_loggers
from fer.training.run_data import Parts, has_votes, load_data, split_parts

_TARGETS: Final = "distillation_targets.npz"


def train_run(session: RunSession) -> None:
    """Train a run to its end, from its last checkpoint if there is one.

    If the run is stopped or fails, the best model so far is exported too.

    Raises:
        FerError: the run isn't possible with these settings or data, or the training failed.
        StopRequested: the run was stopped.
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
        callback = _fit(session, config, dataset.name, parts, resumed)
    except StopRequested:
        _export(session, config, dataset)
        raise
    except Exception:
        _export_after_failure(session, config, dataset)
        raise
    _export(session, config, dataset)
    best = callback.state.best
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
        session.update(message=f"The newest checkpoint was damaged, so the run continued from {where}.")
    return checkpoint


def _require_same_data(resumed: Checkpoint, parts: Parts) -> None:
    """Check that the run resumes with the images, labels and votes it started with.

    Raises:
        RunError: a file or the corrections have changed since.
    """
    before = resumed.state
    if before.data != parts.digest():
        counts = f"{before.n_train} training images then, {len(parts.train)} now"
        raise RunError(
            f"The data have changed since this run started ({counts}): restore the file, the votes or the corrections, "
            "or start a new run with the same settings."
        )


def _require_same_models(resumed: Checkpoint, config: TrainConfig) -> None:
    """Check that the run resumes with the teachers and initial models it started with.

    Raises:
        RunError: one of them is missing or was replaced.
    """
    before = resumed.state.models
    try:
        now = models_digest(config)
    except BundleError as error:
        raise RunError(
            f"This run needs a model that it learns from. {error} Restore that folder, or start a new run with the "
            "same settings."
        ) from error
    if before != now:
        pairs = zip(needed_models(config), before.split(), now.split(), strict=False)
        places = " and ".join(dict.fromkeys(place for place, then, since in pairs if then != since))
        raise RunError(
            f"The model in {places} was replaced since this run started: restore the previous one, or start a new run "
            "with the same settings."
        )


def _fit(
    session: RunSession, config: TrainConfig, data_name: str, parts: Parts, resumed: Checkpoint | None
) -> RunCallback:
    targets = _targets(session, config, parts)
    session.update(now=True, doing="building the network")
    batches = TrainingBatches(parts.train, config, votes=has_votes(parts, config), targets=targets)
    network = compiled_network(config, parts, batches.steps)
    session.say(
        f"{data_name}: {len(parts.train)} training images, {len(parts.validation)} validation images; "
        f"{network.count_params() / 1e6:.2f} M parameters; {keras.config.dtype_policy().name}"
    )
    session.update(
        now=True,
        doing="compiling the first step",
        n_train=len(parts.train),
        n_validation=len(parts.validation),
        epochs=config.epochs,
    )
    initial: list[npt.NDArray[np.float32]] = []
    if config.start_from and (resumed is None or config.init_weight):
        initial = initial_weights(network, config)
    if resumed is not None:
        resumed.restore(network)
        session.say(f"resumed after epoch {resumed.state.epoch}, step {resumed.state.batch}")
    elif initial:
        # The head for votes comes last, and bundles don't have it.
        network.set_weights([*initial, *network.get_weights()[len(initial) :]])
    callback = RunCallback(session, config, parts, batches, resumed, metric_loggers(session, config), initial)
    callback.publish()
    if callback.state.batch:
        # The rest of an epoch needs a call of its own: Keras asks for the number of steps once per call.
        batches.begin_epoch(callback.state.epoch + 1, callback.state.batch)
        _call_fit(network, callback, batches, callback.state.epoch + 1)
    if not callback.done:
        batches.begin_epoch(callback.state.epoch + 1)
        _call_fit(network, callback, batches, config.epochs)
    return callback


def _targets(session: RunSession, config: TrainConfig, parts: Parts) -> npt.NDArray[np.float32] | None:
    """Return the teachers' predictions for the training images; they are computed once and kept in the run's folder."""
    if not config.teacher:
        return None
    file, key = session.folder / _TARGETS, f"{models_digest(config)} on {parts.digest()}"
    # A missing or incomplete file is written again.
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile), np.load(file) as kept:
        if str(kept["key"]) == key:
            return np.asarray(kept["targets"], np.float32)

    def progress(share: float) -> None:
        session.check_stop()
        session.update(doing=f"computing the teachers' predictions ({percent(share, 0)})")

    targets = distillation_targets(config.teacher, parts.train.images, progress)
    np.savez(file, key=key, targets=targets)
    return targets


def _call_fit(network: keras.Model, callback: RunCallback, batches: TrainingBatches, epochs: int) -> None:
    # The batches are already shuffled by seed and epoch.
    network.fit(
        batches, initial_epoch=callback.state.epoch, epochs=epochs, callbacks=[callback], verbose=0, shuffle=False
    )
    # Keras has replaced the weights by their moving average.
    network.set_weights(callback.weights)


def _export_after_failure(session: RunSession, config: TrainConfig, dataset: FaceDataset) -> None:
    """Try to export the best model so far, without hiding why the run failed."""
    try:
        _export(session, config, dataset)
    except Exception as error:  # for example a full disk, which may be why the run failed
        with contextlib.suppress(OSError):
            session.log(f"the best model so far could not be exported ({type(error).__name__}: {error})")


def _export(session: RunSession, config: TrainConfig, dataset: FaceDataset) -> None:
    """Export the best epoch's model and write the report, if an epoch was completed."""
    folder = session.folder
    checkpoint, _ = newest_checkpoint(folder / layout.CHECKPOINTS)
    if checkpoint is None or checkpoint.best_file is None or checkpoint.state.best is None:
        return
    session.update(now=True, doing="exporting the model", seconds_left=None)
    with checkpoint.best_file.open("rb") as weights, files.replacing(folder / BEST_WEIGHTS) as copy:
        shutil.copyfileobj(weights, copy)
    began = time.monotonic()
    bundle = bundle_run(folder, config, dataset)
    session.update(now=True, doing="evaluating the model")
    report_run(bundle, dataset, folder)
    changes = _fine_tuning(session, config, bundle, dataset)
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
            **to_report(changes),
        },
        durable=True,
    )


def _fine_tuning(session: RunSession, config: TrainConfig, bundle: Bundle, dataset: FaceDataset) -> list[Change]:
    """Compare the model with the one it started from, if it did, and say what changed."""
    if not config.start_from:
        return []
    session.update(now=True, doing="comparing with the initial model")
    try:
        changes = measure_changes(bundle, config.start_from[0], dataset.split("validation"))
    except FerError as error:  # the initial model may be gone by now
        session.say(f"The initial model can't be compared with: {error}")
        return []
    for change in changes:
        session.say(change.text)
        if change.warning:
            session.say(f"Warning: {change.warning}")
    return changes
