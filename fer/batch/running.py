"""Run a batch from its inputs to its parts. The command line, benchmarks and tests call this."""

import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from fer.batch.analysis import FileAnalysis
from fer.batch.attempt import MakeAnalyse, Outcome, Work
from fer.batch.cluster import Workers, connected
from fer.batch.coverage import Coverage, examine
from fer.batch.engine import Engine
from fer.batch.inputs import is_url
from fer.batch.listing import Listing
from fer.batch.output import Output, cannot_write, open_output, read_manifest, write_manifest
from fer.batch.parts import Totals
from fer.batch.plan import Task, plan
from fer.batch.progress import Pace, Progress
from fer.batch.settings import Inputs, Settings
from fer.errors import BatchError
from fer.provenance import Provenance
from fer.recognition.bundle import BUNDLE_FILE, Bundle, load_bundle

LOCK_FILE: Final = ".lock"
_LISTED_PER_REPORT: Final = 1000
# After these, parts that still aren't valid are damaged by something else.
_MOST_ROUNDS: Final = 3
_VERSIONS: Final = ("dask", "distributed", "pyarrow", "onnxruntime", "numpy", "opencv-python-headless")


@dataclass(frozen=True)
class Request:
    """A batch.

    Attributes:
        inputs: where the photos and videos are.
        out: the folder of the results, a path or an fsspec URL.
        settings: how to analyse.
        about: what makes the results.
        bundle: the model; None for a stand-in that needs none.
        workers: which workers to use.
        replace: whether results of another model or other settings may be superseded.
        roots: the folders that all inputs have to be in, of `os.path.realpath`; None allows all.
        make: makes what analyses a file.
    """

    inputs: Inputs
    out: str
    settings: Settings
    about: Provenance
    bundle: Bundle | None = None
    workers: Workers = field(default_factory=Workers)
    replace: bool = False
    roots: tuple[str, ...] | None = None
    make: MakeAnalyse = FileAnalysis.of


@dataclass(frozen=True)
class Result:
    """What came of a batch.

    Attributes:
        totals: files, failed files and faces of all parts.
        parts: the tasks and pieces of tasks that have them, in the order of the plan.
        not_found: inputs that couldn't be searched, with one sentence each.
        left_out: number of files in folders that are neither photos nor videos.
    """

    totals: Totals
    parts: tuple[str, ...]
    not_found: tuple[tuple[str, str], ...]
    left_out: int


def run_batch(
    request: Request,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_failure: Callable[[str, str], None] = lambda file, reason: None,
) -> Result:
    """Run a batch, or continue one: what has valid parts isn't done again.

    If this process ends in any way, the same request continues it.

    Args:
        request: what to do.
        on_progress: told what is done, at least every half second while files are analysed.
        on_failure: told the name of a file that failed in this run, and why; for a task with many failures, of the
            first ones. The parts have all of them.

    Raises:
        BatchError: there is nothing to analyse, the folder has other results or is in use, or workers can't be had.
        OutputError: results can't be written.
        BundleError, DetectorError: the model or the detector can't be opened.
    """
    output = open_output(request.out)
    try:
        output.prepare()
    except OSError as error:
        raise cannot_write(output, error) from error
    lock = FileLock(Path(output.where) / LOCK_FILE, timeout=0, is_singleton=False) if not is_url(output.where) else None
    try:
        if lock is not None:
            lock.acquire()
    except Timeout:
        raise BatchError(f"Another batch writes to {output.where}; wait for it, or choose another folder.") from None
    try:
        return _Run(request, output, on_progress, on_failure).run()
    finally:
        if lock is not None:
            lock.release()


def bundle_to_continue(served: Bundle, out: str) -> Bundle:
    """Return the copy of a model, float32 or int8, that made the results in a folder; `served` if neither did.

    This computer may serve another copy than the one that began the batch.

    Args:
        served: the model as it is served here.
        out: the folder of the results, a path or an fsspec URL.

    Raises:
        BundleError: as for `load_bundle`.
    """
    try:
        settings = read_manifest(open_output(out)).get("settings")
    except BatchError:  # run_batch refuses this folder
        return served
    made_by = settings.get("model_hash") if isinstance(settings, dict) else None
    return next((copy for copy in load_bundle(served.path).copies if copy.hash == made_by), served)


def files_of(bundle: Bundle | None) -> dict[str, bytes]:
    """Return the files of a model by name, to be sent to workers; none without a model.

    Raises:
        BatchError: a file can't be read.
    """
    if bundle is None:
        return {}
    try:
        return {name: (bundle.path / name).read_bytes() for name in (BUNDLE_FILE, *bundle.files)}
    except OSError as error:
        raise BatchError(f"The model in '{bundle.path}' can't be read ({error.strerror}).") from error


class _Run:
    def __init__(
        self,
        request: Request,
        output: Output,
        on_progress: Callable[[Progress], None],
        on_failure: Callable[[str, str], None],
    ) -> None:
        self._request, self._output = request, output
        self._on_progress, self._on_failure = on_progress, on_failure
        self._work = Work(request.settings, output.where, request.about, request.make)
        self._n_files = 0
        self._done = Totals()

    def run(self) -> Result:
        self._refuse_other_results()
        listing = Listing(self._request.inputs, skip=self._output.where, roots=self._request.roots)
        tasks = self._planned(listing)
        if not tasks:
            reasons = "".join(f" {name}: {why}" for name, why in listing.failures[:1])
            raise BatchError(f"There is nothing to analyse.{reasons or ' Name a folder with photos or videos.'}")
        self._describe(len(tasks), None)
        covered = examine(self._output, tasks, self._request.settings)
        if covered.todo:
            covered = self._do(tasks, covered)
        self._describe(len(tasks), covered.totals)
        self._on_progress(Progress("done", self._n_files, covered.totals))
        return Result(covered.totals, covered.done, tuple(listing.failures), listing.left_out)

    def _refuse_other_results(self) -> None:
        """Stop before results of another model or other settings are moved away."""
        before = read_manifest(self._output).get("settings")
        if before is None or before == asdict(self._request.settings) or self._request.replace:
            return
        raise BatchError(
            f"{self._output.where} has results of another model or other settings. Choose another folder for the new "
            "ones, or add --replace, which moves the old ones to its folder 'superseded'."
        )

    def _planned(self, listing: Listing) -> list[Task]:
        tasks: list[Task] = []
        self._on_progress(Progress("listing"))
        for number, task in enumerate(plan(listing, self._request.settings), 1):
            self._n_files += task.n_files
            tasks.append(task)
            if number % _LISTED_PER_REPORT == 0:
                self._on_progress(Progress("listing", self._n_files))
        return tasks

    def _describe(self, n_tasks: int, totals: Totals | None) -> None:
        """Write the manifest. It describes the results; what is done only the parts say."""
        values: dict[str, Any] = {
            "about": self._request.about.to_dict(),
            "settings": asdict(self._request.settings),
            "inputs": asdict(self._request.inputs),
            "files": self._n_files,
            "tasks": n_tasks,
            "versions": {"python": platform.python_version(), **{name: version(name) for name in _VERSIONS}},
            "results": None if totals is None else asdict(totals),
        }
        write_manifest(self._output, values)

    def _do(self, tasks: list[Task], covered: Coverage) -> Coverage:
        self._on_progress(Progress("starting", self._n_files, covered.totals))
        with connected(self._request.workers, files_of(self._request.bundle)) as (client, dashboard):
            for _ in range(_MOST_ROUNDS):
                self._analyse(client, dashboard, covered)
                self._on_progress(Progress("checking", self._n_files, self._done))
                # The parts decide what is done, not what workers have said.
                covered = examine(self._output, tasks, self._request.settings)
                if not covered.todo:
                    return covered
        raise BatchError(
            f"{self._output.where} doesn't keep what was written: {len(covered.todo)} tasks have no valid parts. Check "
            "the disk, then start the batch again."
        )

    def _analyse(self, client: Any, dashboard: str | None, covered: Coverage) -> None:
        self._done = covered.totals
        pace = Pace(self._done.files)

        def on_done(outcome: Outcome) -> None:
            self._done += outcome.totals
            for file, reason in outcome.failures:
                self._on_failure(file, reason)

        def on_wait() -> None:
            rate = pace.update(self._done.files)
            left = (self._n_files - self._done.files) / rate if rate else None
            state = (engine.n_workers, rate, left, engine.n_deaths, dashboard)
            self._on_progress(Progress("analysing", self._n_files, self._done, *state))

        engine = Engine(client, self._work, on_done, on_wait)
        engine.run(covered.todo)
