"""Have Dask's workers do tasks, whatever happens to the workers.

At most four tasks per worker are at the scheduler, so neither it nor the client grows with the batch. A task whose
worker dies is tried once more, because somebody may have ended the worker. Then it is divided, and its pieces are
divided at once, until a single file is left. Dask suspects every task that was waiting at a worker when it died, so a
single file is tried again when nothing else runs. If its worker dies then, too, the file is the reason.
"""

import queue
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Final

from distributed import Client, Future
from distributed.scheduler import KilledWorker

from fer.batch.attempt import Outcome, Work, attempt, give_up
from fer.batch.plan import Task, split
from fer.errors import BatchError, FerError, OutputError, sentence_for

PER_WORKER: Final = 4
_DEATHS_OF_WHOLE: Final = 2
# A piece is of a task whose workers have died, too.
_DEATHS_ALONE, _DEATHS_OF_PIECE_ALONE = 2, 1
_WRITE_ATTEMPTS: Final = 3
_WAIT_SECONDS: Final = 0.5
_RESULT_SECONDS: Final = 10.0
_COUNT_SECONDS: Final = 2.0
KILLER: Final = (
    "Each process that analysed this file ended: its decoder crashed, or the memory ran out. Convert the file, or "
    "leave it out."
)

Report = Callable[[Outcome], None]


@dataclass
class _Todo:
    """A task that isn't done yet, and what has happened to it."""

    task: Task
    is_piece: bool = False
    deaths: int = 0
    alone: bool = False
    unwritten: int = 0


class Engine:
    """Does tasks. Each is done once, or reported as failed file by file.

    Attributes:
        n_workers: threads of workers that are there.
        n_deaths: tasks whose worker died.

    Args:
        client: a client of workers that have the model.
        work: what is the same for all tasks.
        on_done: called with the outcome of each task.
        on_wait: called at least every half second.
    """

    def __init__(self, client: Client, work: Work, on_done: Report, on_wait: Callable[[], None]) -> None:
        self._client, self._work = client, work
        self._on_done, self._on_wait = on_done, on_wait
        self._ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        # Dask forgets a task when nobody has its future.
        self._running: dict[str, tuple[_Todo, Future]] = {}
        self._waiting: deque[_Todo] = deque()
        self._suspects: deque[_Todo] = deque()
        self._token = secrets.token_hex(4)
        self._n_submitted = 0
        self._counted_at = 0.0
        self.n_workers = 0
        self.n_deaths = 0

    def run(self, tasks: Iterable[Task]) -> None:
        """Do all tasks.

        Raises:
            OutputError: results can't be written.
            BatchError: the scheduler has gone, or the workers can't analyse anything.
        """
        self._waiting.extend(_Todo(task) for task in tasks)
        while self._waiting or self._suspects or self._running:
            self._fill()
            self._on_wait()
            try:
                future = self._ended.get(timeout=_WAIT_SECONDS)
            except queue.Empty:
                self._check()
                continue
            outcome = self._settle(future)
            if outcome is not None:
                self._on_done(outcome)

    def _fill(self) -> None:
        self._count()
        while self._waiting and len(self._running) < PER_WORKER * max(1, self.n_workers):
            self._submit(self._waiting.popleft())
        if self._suspects and not self._running:
            suspect = self._suspects.popleft()
            suspect.alone = True
            self._submit(suspect)

    def _count(self) -> None:
        if time.monotonic() - self._counted_at < _COUNT_SECONDS:
            return
        try:
            self.n_workers = sum(self._client.nthreads().values())
        except (OSError, TimeoutError) as error:
            raise self._gone() from error
        self._counted_at = time.monotonic()

    def _submit(self, todo: _Todo) -> None:
        self._n_submitted += 1
        # A new key for each attempt of each client: a scheduler remembers what came of a key.
        key = f"fer-batch-{todo.task.name}-{self._token}-{self._n_submitted}"
        future = self._client.submit(attempt, todo.task, self._work, key=key, pure=False)
        self._running[key] = todo, future
        future.add_done_callback(self._ended.put)

    def _check(self) -> None:
        if self._client.status not in ("running", "connecting"):
            raise self._gone()

    def _gone(self) -> BatchError:
        return BatchError(
            "The connection to the scheduler was lost. Nothing that was finished is lost: start the batch again."
        )

    def _settle(self, future: Future) -> Outcome | None:
        """Return the outcome of a task, or None if it isn't done."""
        todo, _ = self._running.pop(str(future.key))
        try:
            outcome: Outcome = future.result(timeout=_RESULT_SECONDS)
        except KilledWorker:
            self.n_deaths += 1
            return self._died(todo, KILLER)
        except OutputError:
            todo.unwritten += 1
            if todo.unwritten >= _WRITE_ATTEMPTS:
                raise
            self._waiting.append(todo)
        except FerError:
            raise
        except ImportError as error:
            raise BatchError(
                f"The workers can't import this program ({error}). Install the same version of fer on them."
            ) from error
        except (CancelledError, TimeoutError):
            self._check()
            self._waiting.append(todo)
        except Exception as error:
            # Nothing of a file raises here, so this is a bug; the other files are analysed all the same.
            return self._died(todo, sentence_for(error))
        else:
            return outcome
        return None

    def _died(self, todo: _Todo, reason: str) -> Outcome | None:
        todo.deaths += 1
        if todo.task.n_files == 1:
            if todo.alone and todo.deaths > (_DEATHS_OF_PIECE_ALONE if todo.is_piece else _DEATHS_ALONE):
                return give_up(todo.task, self._work, reason)
            self._suspects.append(todo)
        elif todo.is_piece or todo.deaths >= _DEATHS_OF_WHOLE:
            pieces = split(todo.task, self._work.settings)
            self._waiting.extendleft(_Todo(piece, is_piece=True) for piece in reversed(pieces))
        else:
            self._waiting.append(todo)
        return None
