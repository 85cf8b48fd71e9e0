"""`fer batch`: more photos and videos than one process can analyse; parquet parts out, and it can be resumed."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from fer.cli.output import check_targets, not_an_option, not_writable, plain
from fer.evaluation.names import display_name
from fer.provenance import Provenance
from fer.recognition.provenance import provenance_of
from fer.recognition.weights import AUTO, bundle_to_serve, wanted_weights
from fer.runs.finding import MODEL_HELP, SHIPPED, find_model
from fer.storage.files import replacing
from fer.text import counted, duration
from fer.vision.detection import DETECTORS, photo_detector_name

if TYPE_CHECKING:
    from fer.batch.progress import Progress as BatchProgress
    from fer.batch.running import Result

# Failures that are told while the batch runs. The table of files has all of them.
_MOST_TOLD: Final = 20
_INTERRUPTED: Final = 130
_STAGES: Final = {
    "listing": "Listing",
    "starting": "Starting workers",
    "analysing": "Analysing",
    "checking": "Checking the parts",
    "done": "Done",
}


@click.command(short_help="Analyse any number of photos and videos with many workers.")
@click.argument("inputs", metavar="INPUT...", nargs=-1)
@click.option("--list", "lists", metavar="FILE", multiple=True, help="A text file with one INPUT per line")
@click.option(
    "--out", metavar="DIR", required=True, callback=not_an_option, help="The folder of the results, or its fsspec URL"
)
@click.option(
    "--workers", metavar="N", type=click.IntRange(1), help="Processes on this machine [default: one per core]"
)
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler to use instead, such as tls://host:8786")
@click.option("--tls-ca", metavar="FILE", help="The certificate authority of the scheduler (PEM)")
@click.option("--tls-cert", metavar="FILE", help="Your certificate for the scheduler (PEM)")
@click.option("--tls-key", metavar="FILE", help="The key of your certificate (PEM)")
@click.option("--model", default=SHIPPED, show_default=True, help=MODEL_HELP)
@click.option("--detector", type=click.Choice(DETECTORS), help="[default: yunet, or haar if yunet's file is missing]")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Confidence below which a face is 'not sure' [default: the model's own]",
)
@click.option("--annotated", is_flag=True, help="Write copies with boxes drawn in below DIR/annotated")
@click.option("--csv", metavar="FILE", callback=not_an_option, help="At the end, join the faces to one CSV file")
@click.option(
    "--files-csv",
    metavar="FILE",
    callback=not_an_option,
    help="At the end, join the files to one CSV file, failed ones included",
)
@click.option("--replace", is_flag=True, help="Move results of another model or other settings to DIR/superseded")
@click.option("--quiet", is_flag=True, help="Print neither progress nor summary; failures are still told")
def batch(
    inputs: tuple[str, ...],
    lists: tuple[str, ...],
    out: str,
    workers: int | None,
    scheduler: str | None,
    tls_ca: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    model: str,
    detector: str | None,
    threshold: float | None,
    annotated: bool,
    csv: str | None,
    files_csv: str | None,
    replace: bool,
    quiet: bool,
) -> None:
    """Find the faces in any number of photos and videos, with a worker process per core or on many machines.

    INPUT is a photo, a video, a folder, a glob in quotes, or an fsspec URL such as s3://bucket/photos. If the command
    is stopped or the machine fails, the same command continues. If a file fails, the others are analysed all the same,
    and the exit code is 1.
    """
    if not inputs and not lists:
        raise click.UsageError("Name a photo, a video, a folder or --list FILE.")
    if scheduler and workers:
        raise click.UsageError("Choose --workers or --scheduler: the workers of a scheduler are started with it.")
    check_targets({"--csv": csv, "--files-csv": files_csv})
    # Late: Dask takes half a second and 30 MB, which no other command should pay for.
    from fer.batch.cluster import Workers
    from fer.batch.running import Request, bundle_to_continue, run_batch
    from fer.batch.settings import Inputs, Settings

    bundle = bundle_to_serve(find_model(model))
    if wanted_weights() == AUTO:
        bundle = bundle_to_continue(bundle, out)
    used = detector or photo_detector_name()
    files = {"ca": tls_ca, "cert": tls_cert, "key": tls_key}
    about = provenance_of(bundle, used, name=display_name(bundle), confidence_threshold=threshold)
    request = Request(
        Inputs(inputs, lists),
        out,
        Settings(bundle.hash, used, threshold, annotated),
        about,
        bundle,
        Workers(workers, scheduler, {name: file for name, file in files.items() if file}),
        replace,
    )
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        with _Told(console, quiet) as told:
            result = run_batch(request, told.progress, told.failure)
    except KeyboardInterrupt:
        console.print(f"Stopped: {told.so_far}. Run the same command again to continue.")
        sys.exit(_INTERRUPTED)
    for kind, target in (("faces", csv), ("files", files_csv)):
        if target:
            _join(result, out, kind, about, target)
    _end(result, out, console, quiet)


class _Told:
    """Tells progress and failures on standard error. As a context manager, it ends the progress bar."""

    def __init__(self, console: Console, quiet: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
        self._console = console
        self._bar = Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal)
        self._task = self._bar.add_task("Listing", total=None, state="")
        self._plain = not quiet and not console.is_terminal
        self._stage, self._n_told = "", 0
        self._dashboard: str | None = None
        self.so_far = "nothing done yet"

    def __enter__(self) -> "_Told":
        self._bar.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def progress(self, state: "BatchProgress") -> None:
        """Show how far the batch is; without a terminal, one line per stage."""
        words = f"{state.done.files:,} of {counted(state.n_files, 'file')}"
        if state.stage != "listing":
            self.so_far = f"{words} done"
        parts = [words if state.stage != "listing" else counted(state.n_files, "file")]
        if state.files_per_second:
            parts.append(f"{state.files_per_second:,.1f} per second")
        if state.seconds_left is not None:
            parts.append(f"{duration(state.seconds_left)} left")
        if state.done.failed:
            parts.append(f"{state.done.failed:,} failed")
        if state.stage == "analysing":
            parts.append(counted(state.n_workers, "worker") if state.n_workers else "waiting for workers")
        if state.n_deaths:
            parts.append(f"workers ended {counted(state.n_deaths, 'time')}")
        total = state.n_files if state.stage not in ("listing", "starting") else None
        name = _STAGES[state.stage]
        self._bar.update(self._task, description=name, total=total, completed=state.done.files, state=", ".join(parts))
        if self._plain and state.stage != self._stage and state.stage != "done":
            self._console.print(f"{name}: {parts[0]}" if state.n_files else name)
        self._stage = state.stage
        if state.dashboard and state.dashboard != self._dashboard:
            self._dashboard = state.dashboard
            self._console.print(f"Dask's dashboard: {state.dashboard}")

    def failure(self, file: str, reason: str) -> None:
        """Tell that a file failed."""
        self._n_told += 1
        if self._n_told <= _MOST_TOLD:
            self._console.print(Text.assemble("Failed: ", plain(file), ": ", plain(reason)))
        elif self._n_told == _MOST_TOLD + 1:
            self._console.print("More files failed; the table of files has all reasons.")


def _join(result: "Result", out: str, kind: str, about: Provenance, target: str) -> None:
    from fer.batch.joining import write_csv
    from fer.batch.output import open_output

    output = open_output(out)
    try:
        if target == "-":
            write_csv(output, kind, result.parts, about, sys.stdout.buffer)
        else:
            with replacing(Path(target)) as stream:
                write_csv(output, kind, result.parts, about, stream)
    except OSError as error:
        raise not_writable(target, error) from error


def _end(result: "Result", out: str, console: Console, quiet: bool) -> None:
    for name, reason in result.not_found:
        console.print(Text.assemble("Left out: ", plain(name), ": ", plain(reason)))
    totals = result.totals
    if not quiet:
        parts = [counted(totals.files - totals.failed, "file"), counted(totals.faces, "face")]
        if totals.failed:
            parts.append(f"{totals.failed:,} failed")
        if result.left_out:
            parts.append(f"{counted(result.left_out, 'other file')} skipped")
        console.print(Text.assemble(", ".join(parts), ": ", plain(out)))
    if totals.failed or result.not_found:
        sys.exit(1)
