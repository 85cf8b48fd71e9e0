"""Divide inputs into tasks whose names depend on the inputs, the model and the settings alone.

Photos are cut where a digest of a path says so. A photo that is added or removed therefore changes the task that it is
in and perhaps the next one, but no others. A task that has to be divided again always falls into the same pieces.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fer.batch.inputs import Input, path_digest
from fer.batch.settings import Settings

# Photos per task on average: half to twice as many, 500 to 2,000 in a large batch.
LARGEST: Final = 1000
_SIZES: Final = (LARGEST, 500, 250, 125, 60, 30, 15, 8)
# A smaller batch gets smaller tasks, so that all workers have some.
_TASKS: Final = 64
PIECES: Final = 8
# Part of every task's name. Another form of the parts gets another number.
FORMAT: Final = 3
_NAME_DIGITS: Final = 32


@dataclass(frozen=True)
class Task:
    """Some photos or one video.

    Attributes:
        name: 32 hexadecimal digits, a digest of the inputs, the model and the settings.
        n_files: the number of inputs.
        packed: the inputs, compressed: a million of them take 50 MB instead of 500.
    """

    name: str
    n_files: int
    packed: bytes

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Return the inputs."""
        return tuple(Input(*values) for values in json.loads(zlib.decompress(self.packed)))


def make_task(inputs: Sequence[Input], settings: Settings) -> Task:
    """Return the task of these inputs."""
    facts = [(one.path, one.size, one.stamp) for one in inputs]
    about = json.dumps([FORMAT, settings.digest, facts])
    name = hashlib.sha256(about.encode()).hexdigest()[:_NAME_DIGITS]
    return Task(name, len(inputs), zlib.compress(json.dumps(inputs).encode(), 1))


def split(task: Task, settings: Settings) -> tuple[Task, ...]:
    """Return the pieces of a task, at most `PIECES`, always the same ones; none for a single file."""
    inputs = task.inputs
    if len(inputs) < 2:
        return ()
    step = -(-len(inputs) // PIECES)
    return tuple(make_task(inputs[start : start + step], settings) for start in range(0, len(inputs), step))


def plan(inputs: Iterable[Input], settings: Settings) -> Iterator[Task]:
    """Yield the tasks of a batch. Memory doesn't grow with the number of inputs."""
    waiting: list[Input] = []
    stream = iter(inputs)
    enough = LARGEST * _TASKS
    for one in stream:
        if one.is_video:
            yield make_task([one], settings)
        else:
            waiting.append(one)
        if len(waiting) == enough:
            break
    size = next((size for size in _SIZES if size * _TASKS <= len(waiting)), _SIZES[-1])
    yield from _cut(waiting, stream, size, settings)


def _cut(first: list[Input], rest: Iterator[Input], size: int, settings: Settings) -> Iterator[Task]:
    group: list[Input] = []
    for source in (first, rest):
        for one in source:
            if one.is_video:
                yield make_task([one], settings)
                continue
            group.append(one)
            at_cut = len(group) >= size // 2 and path_digest(one.path) % size == 0
            if at_cut or len(group) == 2 * size:
                yield make_task(group, settings)
                group = []
    if group:
        yield make_task(group, settings)
