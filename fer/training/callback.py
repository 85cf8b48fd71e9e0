"""The Keras callback of a run: it reports progress, validates each epoch, writes checkpoints and stops the training."""

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import click
import keras
import numpy as np
import numpy.typing as npt

from fer.runs import estimates, layout
from fer.runs.config import TrainConfig
from fer.runs.curves import METRICS_COLUMNS
from fer.runs.session import DivergedError, RunSession, StopRequested
from fer.text import duration
from fer.training.batch_statistics import unaugmented_batches
from fer.training.batches import TrainingBatches
from fer.training.checkpoints import Best, Checkpoint, TrainingState, write_checkpoint
from fer.training.initial_models import models_digest
from fer.training.metrics_file import write_metrics
from fer.training.run_data import Parts
from fer.training.speed import StepSpeed
from fer.training.validation import Validation, validate_epoch

# An epoch of a large network can take an hour on a small machine. A crash loses at most this much of it.
_CHECKPOINT_SECONDS: Final = 300.0
# Batch-norm statistics of this many images take a few seconds per epoch. Another choice of images moves the accuracy on
# PublicTest by 0.1 points.
STATISTICS_IMAGES: Final = 4096

Row = dict[str, float]
Logger = Callable[[Row], None]


class RunCallback(keras.callbacks.Callback):
    """Keep the folder of a run up to date while Keras trains.

    Args:
        session: the run's session.
        config: its settings.
        parts: its data.
        batches: the batches that `fit` trains on.
        resumed: the checkpoint to resume from, or None.
        loggers: functions called with the metrics of each epoch.
        init_weights: the initial weights to average with, if `config.init_weight` is above 0.

    Attributes:
        state: the progress of the run.
        weights: the network's weights at the end of the last epoch. `fit` replaces them by their moving average.
    """

    def __init__(
        self,
        session: RunSession,
        config: TrainConfig,
        parts: Parts,
        batches: TrainingBatches,
        resumed: Checkpoint | None,
        loggers: Sequence[Logger] = (),
        init_weights: Sequence[npt.NDArray[np.float32]] = (),
    ) -> None:
        super().__init__()
        self.state = replace(
            resumed.state if resumed else TrainingState(),
            data=parts.digest(),
            models=models_digest(config),
            n_train=len(parts.train),
        )
        self.weights: list[Any] = []
        self._session, self._config, self._parts, self._batches = session, config, parts, batches
        self._loggers = loggers
        self._init_weights = init_weights
        self._statistics = unaugmented_batches(parts.train, STATISTICS_IMAGES)
        self._first_batch = 0
        self._clock = time.monotonic()
        self._epoch_began = self._checkpointed = self._clock
        self._speed = StepSpeed()
        self._before = self.state
        self._validation_seconds = 0.0

    @property
    def done(self) -> bool:
        """Return whether all epochs are done, or early stopping applies."""
        best = self.state.best.epoch if self.state.best else 0
        impatient = self._config.patience and best and self.state.epoch - best >= self._config.patience
        return bool(impatient) or self.state.epoch >= self._config.epochs

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Select the epoch's images, from where it was interrupted."""
        self._first_batch = self.state.batch
        self._batches.begin_epoch(epoch + 1, self._first_batch)
        self._speed.begin_epoch()
        self._before = self.state
        self._epoch_began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Report the progress, and stop if asked to.

        Raises:
            StopRequested: the run was asked to stop; a checkpoint is written.
            DivergedError: the loss became NaN or infinite.
        """
        now, done = time.monotonic(), self._first_batch + batch + 1
        self._count(now)
        if not math.isfinite((logs or {}).get("loss", math.nan)):
            raise self._diverged(f"The loss became NaN in epoch {self.state.epoch + 1}, step {done}")
        loss, accuracy = self._running_means(logs or {}, done)
        seconds = self._before.epoch_seconds + now - self._epoch_began
        self.state = replace(self.state, batch=done, epoch_seconds=seconds, epoch_loss=loss, epoch_accuracy=accuracy)
        self._speed.step(now, done)
        speed = self._speed.recent
        self._session.update(
            doing="training",
            batch=done,
            batches=self._batches.steps,
            loss=loss,
            accuracy=accuracy,
            images_per_second=speed * self._config.batch_size if speed else None,
            seconds_left=self._seconds_left(done, speed),
            seconds=self.state.seconds,
        )
        self._show_line()
        if self._session.stop_requested:
            if done < self._batches.steps:
                self._checkpoint(None)
                raise StopRequested
        elif now - self._checkpointed > _CHECKPOINT_SECONDS and done < self._batches.steps:
            self._checkpoint(None)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Validate, keep the best weights, and write a checkpoint and the metrics.

        Raises:
            StopRequested: the run was asked to stop.
            DivergedError: the network outputs NaN or infinite values.
        """
        began = time.monotonic()
        training_seconds = self._before.epoch_seconds + began - self._epoch_began
        self._session.update(now=True, doing="validating")
        result, weights = validate_epoch(
            self.model,
            self._parts.validation,
            self._statistics,
            self._init_weights,
            self._config.init_weight,
            self._parts.calibration if self._config.selection == "log_loss" else None,
        )
        if not (math.isfinite(result.loss) and math.isfinite(result.selection_loss)):
            raise self._diverged(f"The network outputs NaN or infinite values after epoch {epoch + 1}")
        row = self._row(epoch + 1, logs or {}, result, training_seconds)
        best = self.state.best
        better = self._is_better(result)
        if better:
            best = Best(epoch + 1, result.accuracy, result.confusion.tolist(), result.selection_loss)
        self._count(time.monotonic())
        self.state = replace(
            self.state,
            epoch=epoch + 1,
            batch=0,
            epoch_seconds=0.0,
            epoch_loss=0.0,
            epoch_accuracy=0.0,
            history=(*self.state.history, row),
            best=best,
        )
        self._checkpoint(weights if better else None)
        self._validation_seconds = time.monotonic() - began
        self.weights = self.model.get_weights()
        self.publish()
        self._remember_speed()
        for log in self._loggers:
            log(row)
        self._say_row(row)
        if self.done:
            self.model.stop_training = True
        elif self._session.stop_requested:
            raise StopRequested

    def _is_better(self, result: Validation) -> bool:
        best = self.state.best
        if best is None:
            return True
        if self._config.selection == "accuracy":
            return result.accuracy > best.accuracy
        return best.log_loss is None or result.selection_loss < best.log_loss

    def publish(self) -> None:
        """Write the curves, the best epoch and the progress for those who read them."""
        write_metrics(self._session, self.state)
        best = self.state.best
        self._session.update(
            now=True,
            epoch=self.state.epoch,
            batch=self.state.batch,
            batches=self._batches.steps,
            best_accuracy=best.accuracy if best else None,
            best_epoch=best.epoch if best else 0,
            seconds=self.state.seconds,
            seconds_left=self._seconds_left(self.state.batch, self._speed.overall),
        )

    def _diverged(self, what: str) -> DivergedError:
        kept = " The best model so far is kept." if self.state.best else ""
        return DivergedError(
            f"{what}. Resuming would end the same way: start a new run with a learning rate below "
            f"{self._config.learning_rate:g} or a longer warm-up.{kept}"
        )

    def _checkpoint(self, new_best: list[Any] | None) -> None:
        if keras.config.backend() == "jax":
            # During an epoch the JAX trainer doesn't update the variables on its own.
            self.model.jax_state_sync()
        write_checkpoint(self._session.folder / layout.CHECKPOINTS, self.model, self.state, new_best)
        self._checkpointed = time.monotonic()

    def _count(self, now: float) -> None:
        self.state = replace(self.state, seconds=self.state.seconds + now - self._clock)
        self._clock = now

    def _running_means(self, logs: dict[str, float], done: int) -> tuple[float, float]:
        """Return loss and accuracy over the epoch's steps so far, including those before an interruption."""
        # With a second head, Keras prefixes the first head's metrics with its name.
        loss = float(logs.get("logits_loss", logs.get("loss", math.nan)))
        accuracy = float(logs.get("logits_accuracy", logs.get("accuracy", math.nan)))
        share = self._first_batch / done
        return (
            share * self._before.epoch_loss + (1 - share) * loss,
            share * self._before.epoch_accuracy + (1 - share) * accuracy,
        )

    def _row(self, epoch: int, logs: dict[str, float], result: Validation, seconds: float) -> Row:
        loss, accuracy = self._running_means(logs, self._batches.steps)
        values = (
            *(epoch, loss, accuracy, result.loss, result.accuracy),
            *(float(self.model.optimizer.learning_rate), seconds, *map(float, result.recalls)),
        )
        return dict(zip(METRICS_COLUMNS, values, strict=True))

    def _seconds_left(self, done: int, speed: float | None) -> float | None:
        if not speed:
            return None
        epochs = self._config.epochs - self.state.epoch
        if epochs <= 0:
            return 0.0
        return (epochs * self._batches.steps - done) / speed + epochs * self._validation_seconds

    def _remember_speed(self) -> None:
        """Keep this epoch's time: the best estimate for the next run."""
        if not self._speed.overall:
            return
        estimates.remember(
            self._config,
            estimates.Measured.of(
                self._config,
                trained_on=len(self._parts.train),
                n_validation=len(self._parts.validation),
                step_seconds=1 / self._speed.overall,
                validation_seconds=self._validation_seconds,
            ),
        )

    def _say_row(self, row: Row) -> None:
        left = self._session.progress.seconds_left
        self._session.say(
            f"epoch {row['epoch']:.0f}/{self._config.epochs}: loss {row['loss']:.4f}, accuracy {row['accuracy']:.4f}, "
            f"validation loss {row['val_loss']:.4f}, accuracy {row['val_accuracy']:.4f}"
            + ("" if left is None else f", {duration(left)} left")
        )

    def _show_line(self) -> None:
        """Print the progress on one line that is overwritten, if the run has a terminal."""
        progress = self._session.progress
        if not self._session.wrote_now or not sys.stderr.isatty():
            return
        left = "" if progress.seconds_left is None else f", {duration(progress.seconds_left)} left"
        text = (
            f"epoch {self.state.epoch + 1}/{self._config.epochs}, step {progress.batch}/{progress.batches}, "
            f"loss {progress.loss:.4f}, accuracy {progress.accuracy:.4f}{left}"
        )
        click.echo(f"\r{text:<79}\r", err=True, nl=False)
