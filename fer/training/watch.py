"""The one callback of a run: progress by batch, the verdict by epoch, checkpoints, stopping, and what may not go on."""

import math
import sys
import time
from collections import deque
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
from fer.storage import files
from fer.text import duration
from fer.training.batches import TrainingBatches
from fer.training.checkpoints import Best, Checkpoint, TrainingState, write_checkpoint
from fer.training.fit import Parts, Validation, judge, models_digest, plain_batches

# An epoch of a large network on a small machine takes an hour; no more than this of it is lost.
_CHECKPOINT_SECONDS: Final = 300.0
_WINDOW_SECONDS: Final = 20.0
# Judging costs a few seconds an epoch with these; which of them are taken moves accuracy on PublicTest by 0.1 points.
STATISTICS_IMAGES: Final = 4096

Row = dict[str, float]
Logger = Callable[[Row], None]


class Watch(keras.callbacks.Callback):
    """Follows a run's training and keeps its folder true.

    Args:
        session: the run's process.
        config: its settings.
        parts: its data.
        batches: what `fit` trains on.
        resumed: the checkpoint that it goes on from.
        loggers: told each epoch's row.
        start: weights that what is kept is averaged with, as `config.start_share` says.

    Attributes:
        state: where the run is.
        weights: what the network trains on, as of the last epoch's end; `fit` leaves the average in their place.
    """

    def __init__(
        self,
        session: RunSession,
        config: TrainConfig,
        parts: Parts,
        batches: TrainingBatches,
        resumed: Checkpoint | None,
        loggers: Sequence[Logger] = (),
        start: Sequence[npt.NDArray[np.float32]] = (),
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
        self._start = start
        self._statistics = plain_batches(parts.train, STATISTICS_IMAGES)
        self._first_batch = 0
        self._clock = time.monotonic()
        self._epoch_began = self._checkpointed = self._clock
        self._recent: deque[tuple[float, int]] = deque()
        self._first_step = (self._clock, 0)
        self._speed: float | None = None
        self._before = self.state
        self._judging_seconds = 0.0

    @property
    def done(self) -> bool:
        """Whether there is no epoch left, or early stopping says so."""
        best = self.state.best.epoch if self.state.best else 0
        impatient = self._config.patience and best and self.state.epoch - best >= self._config.patience
        return bool(impatient) or self.state.epoch >= self._config.epochs

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Go to the epoch's images, and where it was interrupted to its place in them."""
        self._first_batch = self.state.batch
        self._batches.begin_epoch(epoch + 1, self._first_batch)
        self._recent.clear()
        self._before = self.state
        self._epoch_began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Say how far it is; stop, or fail, where it must.

        Raises:
            StopRequested: after a checkpoint.
            DivergedError: the loss is no number any more.
        """
        now, done = time.monotonic(), self._first_batch + batch + 1
        self._count(now)
        if not math.isfinite((logs or {}).get("loss", math.nan)):
            raise self._diverged(f"The loss is no number any more (NaN) in epoch {self.state.epoch + 1}, step {done}")
        loss, accuracy = self._figures(logs or {}, done)
        seconds = self._before.epoch_seconds + now - self._epoch_began
        self.state = replace(self.state, batch=done, epoch_seconds=seconds, epoch_loss=loss, epoch_accuracy=accuracy)
        if not self._recent:
            self._first_step = (now, done)
        self._recent.append((now, done))
        while now - self._recent[0][0] > _WINDOW_SECONDS and len(self._recent) > 2:
            self._recent.popleft()
        # Without the epoch's first step, which in a new process compiles the network.
        self._speed = _rate(self._first_step, now, done) or self._speed
        speed = _rate(self._recent[0], now, done) or self._speed
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
        """Judge, keep the best, write a checkpoint and then the row.

        Raises:
            StopRequested: the run was asked to stop.
            DivergedError: the network gives no numbers any more.
        """
        began = time.monotonic()
        training_seconds = self._before.epoch_seconds + began - self._epoch_began
        self._session.update(now=True, doing="validating")
        result, weights = judge(
            self.model, self._parts.validation, self._statistics, self._start, self._config.start_share
        )
        if not math.isfinite(result.loss):
            raise self._diverged(f"The network gives no numbers any more after epoch {epoch + 1}")
        row = self._row(epoch + 1, logs or {}, result, training_seconds)
        best = self.state.best
        better = best is None or result.accuracy > best.accuracy
        if better:
            best = Best(epoch + 1, result.accuracy, result.confusion.tolist())
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
        self._judging_seconds = time.monotonic() - began
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

    def publish(self) -> None:
        """Write what readers see from the state: the curves, the best epoch, the progress."""
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
            seconds_left=self._seconds_left(self.state.batch, self._speed),
        )

    def _diverged(self, what: str) -> DivergedError:
        kept = " The best model so far is kept." if self.state.best else ""
        return DivergedError(
            f"{what}, and would be none again if the run were resumed: start a new one with its settings and a "
            f"learning rate below {self._config.learning_rate:g}, or a longer warm-up.{kept}"
        )

    def _checkpoint(self, new_best: list[Any] | None) -> None:
        if keras.config.backend() == "jax":
            # Within an epoch the JAX trainer keeps the values to itself.
            self.model.jax_state_sync()
        write_checkpoint(self._session.folder / layout.CHECKPOINTS, self.model, self.state, new_best)
        self._checkpointed = time.monotonic()

    def _count(self, now: float) -> None:
        self.state = replace(self.state, seconds=self.state.seconds + now - self._clock)
        self._clock = now

    def _figures(self, logs: dict[str, float], done: int) -> tuple[float, float]:
        """Loss and accuracy of the epoch's steps so far, those before an interruption among them."""
        # With the votes' head, Keras names the first head's apart.
        loss = float(logs.get("logits_loss", logs.get("loss", math.nan)))
        accuracy = float(logs.get("logits_accuracy", logs.get("accuracy", math.nan)))
        share = self._first_batch / done
        return (
            share * self._before.epoch_loss + (1 - share) * loss,
            share * self._before.epoch_accuracy + (1 - share) * accuracy,
        )

    def _row(self, epoch: int, logs: dict[str, float], result: Validation, seconds: float) -> Row:
        loss, accuracy = self._figures(logs, self._batches.steps)
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
        return (epochs * self._batches.steps - done) / speed + epochs * self._judging_seconds

    def _remember_speed(self) -> None:
        """What this epoch took is the best estimate of the next run's."""
        if not self._speed:
            return
        estimates.remember(
            self._config,
            estimates.Measured.of(
                self._config,
                trained_on=len(self._parts.train),
                n_validation=len(self._parts.validation),
                step_seconds=1 / self._speed,
                validation_seconds=self._judging_seconds,
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
        """A line that is overwritten, where somebody looks on in a terminal."""
        progress = self._session.progress
        if not self._session.wrote_now or not sys.stderr.isatty():
            return
        left = "" if progress.seconds_left is None else f", {duration(progress.seconds_left)} left"
        text = (
            f"epoch {self.state.epoch + 1}/{self._config.epochs}, step {progress.batch}/{progress.batches}, "
            f"loss {progress.loss:.4f}, accuracy {progress.accuracy:.4f}{left}"
        )
        click.echo(f"\r{text:<79}\r", err=True, nl=False)


def _rate(since: tuple[float, int], now: float, done: int) -> float | None:
    """Steps a second since a time and a step, or None where nothing came since."""
    then, before = since
    return (done - before) / (now - then) if done > before and now > then else None


def write_metrics(session: RunSession, state: TrainingState) -> None:
    """Write metrics.csv and best.json from a state, each replaced as a whole: no row is ever doubled or lost."""
    lines = [",".join(METRICS_COLUMNS)]
    lines += [",".join(_text(name, row.get(name, math.nan)) for name in METRICS_COLUMNS) for row in state.history]
    files.write_text(session.folder / layout.METRICS, "\n".join(lines) + "\n")
    if state.best is not None:
        best = {"epoch": state.best.epoch, "accuracy": state.best.accuracy, "confusion": state.best.confusion}
        files.write_json(session.folder / layout.BEST, best)


def _text(name: str, value: float) -> str:
    if name == "epoch":
        return f"{value:.0f}"
    return "" if math.isnan(value) else f"{value:.8g}"
