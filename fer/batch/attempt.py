"""One attempt at a task, in a worker: analyse its files and write its parts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from fer.batch.inputs import Input
from fer.batch.output import Output, cannot_write, open_output
from fer.batch.parts import FaceRow, FileResult, Totals, writing_parts
from fer.batch.plan import Task
from fer.batch.settings import Settings
from fer.provenance import Provenance

# Takes rows with the columns `FACE_COLUMNS`.
Sink = Callable[[Iterable[FaceRow]], None]
# Analyses one file; what goes wrong with the file is part of the result.
Analyse = Callable[[Input, Sink], FileResult]
# Makes what analyses a file. Tests have a stand-in for it.
MakeAnalyse = Callable[[Settings, Output, Provenance], Analyse]
# Failures that an attempt tells its client; the parts have them all.
_MOST_TOLD: Final = 20


@dataclass(frozen=True)
class Work:
    """What is the same for all tasks of a batch.

    Attributes:
        settings: how to analyse.
        where: the folder of the results, a path or URL.
        about: what makes the results.
        make: makes what analyses a file; a function of a module, which each worker imports.
    """

    settings: Settings
    where: str
    about: Provenance
    make: MakeAnalyse


@dataclass(frozen=True)
class Outcome:
    """What an attempt wrote, and the first of its failures: name and reason."""

    totals: Totals
    failures: tuple[tuple[str, str], ...] = ()


# The work that this process did last, and what was made for it.
_latest: Final[list[tuple[Work, tuple[Output, Analyse]]]] = []


def attempt(task: Task, work: Work) -> Outcome:
    """Do a task.

    Raises:
        OutputError: the parts can't be written.
        BatchError, BundleError, DetectorError: this worker can't analyse anything.
    """
    output, analyse = _prepared(work)
    failures: list[tuple[str, str]] = []
    try:
        with writing_parts(output, task.name, work.about.to_dict()) as rows:
            for one in task.inputs:
                result = analyse(one, rows.add_faces)
                rows.add_file(one, result)
                if result.error is not None and len(failures) < _MOST_TOLD:
                    failures.append((one.path, result.error))
    except OSError as error:
        raise cannot_write(output, error) from error
    return Outcome(rows.totals, tuple(failures))


def give_up(task: Task, work: Work, reason: str) -> Outcome:
    """Write the parts of a single file that can't be analysed.

    Raises:
        OutputError: the parts can't be written.
    """
    output, (one,) = open_output(work.where), task.inputs
    try:
        with writing_parts(output, task.name, work.about.to_dict()) as rows:
            rows.add_file(one, FileResult(error=reason))
    except OSError as error:
        raise cannot_write(output, error) from error
    return Outcome(rows.totals, ((one.path, reason),))


def _prepared(work: Work) -> tuple[Output, Analyse]:
    """Return the output and what analyses a file, made once per process and batch."""
    if not _latest or _latest[0][0] != work:
        output = open_output(work.where)
        _latest[:] = [(work, (output, work.make(work.settings, output, work.about)))]
    return _latest[0][1]
