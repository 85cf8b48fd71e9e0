"""The progress of a run, which its process writes every second."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Self

from msgspec import Meta

from fer.runs.layout import PROGRESS
from fer.storage.files import write_json
from fer.storage.schema import Count, Moment, Seconds, Share, Text, fitting, read_object
from fer.storage.values import ValuesError

QUEUED: Final = "queued"
RUNNING: Final = "running"
STOPPED: Final = "stopped"
INTERRUPTED: Final = "interrupted"
FINISHED: Final = "finished"
FAILED: Final = "failed"
STATES: Final = (QUEUED, RUNNING, STOPPED, INTERRUPTED, FINISHED, FAILED)
ACTIVE: Final = (QUEUED, RUNNING)
# The last state that a process writes. A run in any other state without a living process was interrupted.
ENDED: Final = (STOPPED, FINISHED, FAILED)


@dataclass(frozen=True)
class Progress:
    """The progress that a run's process reports. It never reports 'interrupted', which only others can see.

    Attributes:
        state: one of `STATES`.
        doing: the current activity in words, such as 'training'.
        epoch: completed epochs.
        epochs: epochs of the whole run.
        batch, batches: completed steps of the current epoch, and steps per epoch.
        loss, accuracy: means over the current epoch so far; None before its first step.
        images_per_second: training images per second over the last seconds.
        seconds_left: time until the run ends; None while it is unknown.
        seconds: time spent on training so far, over all resumes.
        best_accuracy: best validation accuracy, 0..1; None before the first epoch is complete.
        best_epoch: the epoch of the best accuracy, from 1; 0 before the first epoch is complete.
        started, ended: seconds since 1970; `ended` is None while the run is active.
        queued: when it was started or last resumed, which decides its place in the queue.
        message: why it failed, or another message for the user.
        data, network: names of the dataset and the network.
        n_train, n_validation: numbers of images.
        hopeless: whether resuming would fail in the same way.
    """

    state: str
    doing: Text = ""
    epoch: Count = 0
    epochs: Count = 0
    batch: Count = 0
    batches: Count = 0
    loss: float | None = None
    accuracy: Share | None = None
    images_per_second: Annotated[float, Meta(ge=0)] | None = None
    seconds_left: Seconds | None = None
    seconds: Seconds = 0.0
    best_accuracy: Share | None = None
    best_epoch: Count = 0
    started: Moment = 0.0
    queued: Moment = 0.0
    ended: Moment | None = None
    message: Text | None = None
    data: Text = ""
    network: Text = ""
    n_train: Count = 0
    n_validation: Count = 0
    hopeless: bool = False

    @property
    def turn(self) -> float:
        """Return the time that decides the order of the queue, in seconds since 1970."""
        return self.queued or self.started

    def write(self, folder: Path) -> None:
        """Replace the folder's progress.json; at the end of a run, wait until the disk has it."""
        write_json(folder / PROGRESS, dataclasses.asdict(self), durable=self.state in ENDED)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return what the folder's progress.json says; without one, that of a run that never came to write it.

        A damaged file is that of a run of which nothing is known but the damage, which is its message.
        """
        try:
            return cls.from_dict(read_object(folder / PROGRESS))
        except FileNotFoundError:
            return cls(state=RUNNING)
        except ValuesError as error:
            return cls(state=RUNNING, message=f"Its file {PROGRESS} is damaged ({error}); start a new run.")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the progress in a JSON object, without what this version doesn't know.

        Raises:
            ValuesError: a value has another type or is out of its range.
        """
        state = values.get("state")
        return fitting(values | {"state": state if state in STATES else RUNNING}, cls)
