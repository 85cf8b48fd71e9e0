"""Which tasks are still to be done, derived from the valid parts alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fer.batch.output import FACES, FILES, Output, cannot_write, part_name
from fer.batch.parts import Totals, valid_tasks
from fer.batch.plan import Task, split
from fer.batch.settings import Settings


@dataclass(frozen=True)
class Coverage:
    """What is done of a plan.

    Attributes:
        todo: tasks, or pieces of divided tasks, without valid parts; together with `done` they have each input once.
        done: names of tasks and pieces with valid parts, in the order of the plan.
        totals: what these parts have.
    """

    todo: tuple[Task, ...]
    done: tuple[str, ...]
    totals: Totals


def coverage(tasks: Sequence[Task], valid: Mapping[str, Totals], settings: Settings) -> Coverage:
    """Compare a plan with the valid parts.

    Args:
        tasks: the plan.
        valid: what the parts of each valid task have.
        settings: those of the plan.
    """
    done, todo = [], []
    # Parts that belong to no planned task may be pieces of one. Without any, nothing needs to be divided to find out.
    others = valid.keys() - {task.name for task in tasks}
    for task in tasks:
        for one in _leaves(task, valid, settings) if others else (task,):
            if one.name in valid:
                done.append(one.name)
            else:
                todo.append(one)
    return Coverage(tuple(todo), tuple(done), sum((valid[name] for name in done), Totals()))


def _leaves(task: Task, valid: Mapping[str, Totals], settings: Settings) -> Iterator[Task]:
    """Yield the task itself if it is done or no piece of it is; otherwise the same of its pieces."""
    if task.name not in valid:
        pieces = split(task, settings)
        leaves = [leaf for piece in pieces for leaf in _leaves(piece, valid, settings)]
        if any(leaf.name in valid for leaf in leaves):
            yield from leaves
            return
    yield task


def examine(output: Output, tasks: Sequence[Task], settings: Settings) -> Coverage:
    """Return what is done, and move parts away that would count a file twice or belong to other inputs.

    Raises:
        OutputError: the folder can't be read or written.
    """
    try:
        covered = coverage(tasks, valid_tasks(output), settings)
        counted = set(covered.done)
        for kind in (FILES, FACES):
            # A part that isn't whole is no result, so it is moved, too.
            for task in sorted(output.tasks_with(kind) - counted):
                output.supersede(part_name(kind, task))
    except OSError as error:
        raise cannot_write(output, error) from error
    return covered
