"""A whole run in this process: load, fit, export, calibrate; each step leaves its files in the run's folder."""

import csv
import json
import secrets
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np

from fer import paths
from fer.datasets.loading import load_dataset
from fer.emotions import EMOTIONS
from fer.runs.config import TrainConfig
from fer.training.batches import TrainingBatches
from fer.training.bundling import BEST_WEIGHTS, bundle_run
from fer.training.fit import JudgeEpoch, Validation, compiled_network, has_votes, split_parts

METRICS_COLUMNS = (
    "epoch",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "seconds",
    *(f"accuracy_{emotion}" for emotion in EMOTIONS),
)


def train_here(config: TrainConfig) -> Path:
    """Run a training in this process, in the foreground, and return its folder."""
    folder = paths.runs_dir() / f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    click.echo(folder.name)
    fit_and_export(config, folder, say=lambda text: click.echo(text, err=True))
    return folder


def fit_and_export(config: TrainConfig, folder: Path, say: Callable[[str], None]) -> None:
    """Fit, then write the bundle of the best epoch under `folder`.

    Args:
        config: the run's settings.
        folder: an existing, empty run folder.
        say: takes a line of progress.
    """
    (folder / "config.json").write_text(config.to_json())
    dataset = load_dataset(config.data, votes=Path(config.votes) if config.votes else None)
    parts = split_parts(dataset, config)
    batches = TrainingBatches(parts.train, config, votes=has_votes(parts, config))
    network = compiled_network(config, parts, len(batches))
    say(
        f"{dataset.name}: {len(parts.train)} images to train on, {len(parts.validation)} to validate on; "
        f"{network.count_params() / 1e6:.2f} M parameters"
    )
    judge = JudgeEpoch(parts, config, folder / BEST_WEIGHTS, _Recorder(folder, config, say))
    callbacks: list[Any] = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if network.optimizer.use_ema else []
    callbacks.append(judge)
    if config.patience:
        callbacks.append(_Patience(judge, config.patience))
    if sys.stderr.isatty():
        callbacks.append(keras.callbacks.ProgbarLogger())
    network.fit(batches, epochs=config.epochs, callbacks=callbacks, verbose=0)
    bundle = bundle_run(folder, config, dataset)
    say(f"best: epoch {judge.best_epoch}, validation accuracy {judge.best_accuracy:.4f}; bundle in {bundle.path}")


class _Recorder:
    """Writes an epoch's row to metrics.csv and says it in a line."""

    def __init__(self, folder: Path, config: TrainConfig, say: Callable[[str], None]) -> None:
        self._file = folder / "metrics.csv"
        self._progress = folder / "progress.json"
        self._epochs, self._say = config.epochs, say
        self._started = time.monotonic()
        with self._file.open("w", newline="") as file:
            csv.writer(file).writerow(METRICS_COLUMNS)

    def __call__(self, epoch: int, logs: dict[str, Any], result: Validation, seconds: float, rate: float) -> None:
        accuracy = float(logs.get("logits_accuracy", logs.get("accuracy", np.nan)))
        loss = float(logs.get("logits_loss", logs.get("loss", np.nan)))
        row = [epoch, loss, accuracy, result.loss, result.accuracy, rate, round(seconds, 2), *result.recalls]
        with self._file.open("a", newline="") as file:
            csv.writer(file).writerow([f"{value:.6g}" if isinstance(value, float) else value for value in row])
        left = (time.monotonic() - self._started) / epoch * (self._epochs - epoch)
        self._progress.write_text(json.dumps({"epoch": epoch, "epochs": self._epochs, "seconds_left": round(left)}))
        self._say(
            f"epoch {epoch}/{self._epochs}: loss {loss:.4f}, accuracy {accuracy:.4f}, "
            f"validation loss {result.loss:.4f}, accuracy {result.accuracy:.4f}, {left / 60:.0f} min left"
        )


class _Patience(keras.callbacks.Callback):
    """Stop when the best epoch is too long ago; it comes after `JudgeEpoch`."""

    def __init__(self, judge: JudgeEpoch, patience: int) -> None:
        super().__init__()
        self._judge, self._patience = judge, patience

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch + 1 - self._judge.best_epoch >= self._patience:
            self.model.stop_training = True
