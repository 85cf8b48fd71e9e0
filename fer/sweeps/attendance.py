"""Have one training done on this machine, as a run in its own process, and wait for its end.

A run that exists already isn't repeated: a finished one is taken as it is, an active one is awaited, and any other is
resumed from its last checkpoint.
"""

from collections.abc import Collection
from contextlib import suppress
from typing import Final

from filelock import FileLock, Timeout

from fer.errors import RunError
from fer.runs import control, layout, store
from fer.runs.config import TrainConfig
from fer.runs.progress import FAILED, FINISHED, INTERRUPTED, STOPPED, Progress
from fer.runs.session import AT_ONCE
from fer.runs.small_files import SweepOrigin
from fer.runs.store import RunSummary
from fer.storage.locks import is_locked

# A process that ends unexpectedly may have been ended by someone; three times is a reason.
_MOST_DEATHS: Final = 3
DIED: Final = (
    f"Its process ended unexpectedly {_MOST_DEATHS} times, perhaps because memory ran out. Choose a smaller batch "
    "size, or fewer trainings at once."
)


class Attendance:
    """Waits for a training of a sweep.

    Attributes:
        run_id: its run.
        stop_asked: whether it was asked to stop.

    Args:
        config: its settings.
        name: the name of its run.
        origin: which training of which sweep it is.
        at_once: how many runs may train at once.
        threads: how many threads it may use; None for all of the machine's.

    Raises:
        FerError: it can't be started.
    """

    def __init__(
        self, config: TrainConfig, name: str, origin: SweepOrigin, *, at_once: int = 1, threads: int | None = None
    ) -> None:
        self._variables = {AT_ONCE: str(at_once)}
        if threads is not None:
            self._variables |= dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"), str(threads))
        self._deaths = 0
        self.stop_asked = False
        found = run_of(origin.training)
        # One that somebody has stopped ends first.
        self._resumes = found is not None and found.stopping
        if found is None:
            self.run_id = control.start(config, name, origin, self._variables)
        else:
            self.run_id = found.id
            if found.resumable:
                control.resume(found.id, self._variables)
        self._lock = FileLock(layout.run_folder(self.run_id) / layout.AWAITED, is_singleton=False)
        with suppress(Timeout, OSError):  # another sweep waits for it, too
            self._lock.acquire(blocking=False)

    def poll(self) -> RunSummary | None:
        """Return the run if it has ended, else None. A run whose process was killed is resumed.

        Raises:
            FerError: it was deleted, or can't be resumed.
        """
        run = store.read_run(self.run_id)
        if run.active:
            if self.stop_asked and not run.stopping:
                self._ask_to_stop()
            return None
        if not self.stop_asked and self._is_to_resume(run):
            control.resume(run.id, self._variables)
            return None
        self._lock.release()
        return run

    def progress(self) -> Progress:
        """Return how far the run is."""
        return Progress.read(layout.run_folder(self.run_id))

    def _is_to_resume(self, run: RunSummary) -> bool:
        if run.state == INTERRUPTED and not run.progress.hopeless:
            self._deaths += 1
            return self._deaths < _MOST_DEATHS
        resumes, self._resumes = self._resumes and run.resumable, False
        return resumes

    def stop(self) -> None:
        """Ask the run to stop after its step. `poll` tells when it has ended."""
        self.stop_asked = True
        self._ask_to_stop()

    def _ask_to_stop(self) -> None:
        with suppress(RunError):  # it has just ended
            control.stop(self.run_id, ask_only=True)


def run_of(identity: str) -> RunSummary | None:
    """Return the run of a training on this machine, or None. Of several it is the one that is the furthest here."""
    return runs_by_training().get(identity)


def runs_of(identity: str) -> list[RunSummary]:
    """Return all runs of a training on this machine, the furthest first."""
    return sorted((run for run in store.list_runs() if run.origin.training == identity), key=_rank, reverse=True)


def runs_by_training() -> dict[str, RunSummary]:
    """Return the runs of trainings on this machine, by what identifies these."""
    found: dict[str, RunSummary] = {}
    for run in store.list_runs():
        before = found.get(run.origin.training)
        if run.origin.training and (before is None or _rank(run) > _rank(before)):
            found[run.origin.training] = run
    return found


def _rank(run: RunSummary) -> tuple[bool, bool, bool, int]:
    return run.state == FINISHED, run.active, has_checkpoints(run), run.progress.epoch


def has_checkpoints(run: RunSummary) -> bool:
    """Return whether a run can continue on this machine. One that a worker sent has left its checkpoints there."""
    return any((run.folder / layout.CHECKPOINTS).glob("[!.]*"))


def failure_of(run: RunSummary) -> str | None:
    """Return why the training of a run that has ended isn't done, in one sentence; None if it is done."""
    if run.state == FINISHED:
        return None
    if run.state == INTERRUPTED:
        return DIED
    if run.state == STOPPED:
        return "It was stopped. Run the sweep again to continue it."
    return run.progress.message or f"The run {run.id} is {run.state if run.state != FAILED else 'failed'}; see its log."


def stop_unattended(besides: str) -> None:
    """Ask trainings of sweeps to stop for which nobody waits: their worker has died, and others have taken over.

    They keep their checkpoints.

    Args:
        besides: the training that will be waited for next.
    """
    for run in store.list_runs():
        if run.origin.training not in ("", besides) and run.active and not is_locked(run.folder / layout.AWAITED):
            with suppress(RunError):
                control.stop(run.id, ask_only=True)


def end_at_once(trainings: Collection[str]) -> None:
    """End the processes of these trainings, without waiting for their step.

    Raises:
        RunError: one can't be ended.
    """
    for run in store.list_runs():
        if run.origin.training in trainings and run.active:
            with suppress(RunError):  # it has just ended
                control.stop(run.id, ask_only=True)
            if store.read_run(run.id).active:
                control.stop(run.id)
