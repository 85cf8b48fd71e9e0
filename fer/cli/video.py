"""`fer video`: videos in, a row per face and frame out; as CSV, Parquet, JSON and annotated videos."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from fer.cli.output import (
    DETECTOR_HELP,
    STDOUT,
    check_targets,
    make_folder,
    not_an_option,
    not_writable,
    plain,
    write_target,
)
from fer.cli.summarize import grouping_of, summary_options, write_summary
from fer.evaluation.names import display_name
from fer.exports import AnnotatedNames
from fer.provenance import Provenance
from fer.recognition.provenance import provenance_of
from fer.recognition.weights import bundle_to_serve
from fer.runs.finding import MODEL_HELP, SHIPPED, find_model
from fer.storage.files import replacing
from fer.streams.pipeline import StreamModel
from fer.streams.record import OUTCOMES
from fer.summary.groups import Groups
from fer.summary.video_wording import videos_content
from fer.text import encodable, printable
from fer.video.analysis import AnalysedFrame, VideoOptions, video_model
from fer.video.annotated import Annotated
from fer.video.encoder import H264, VP9, Format
from fer.video.processing import VideoResult, process
from fer.video.report import html_report
from fer.video.store import sweep
from fer.video.wire import VideoInfo
from fer.video.writers import CsvWriter, JsonWriter, ParquetWriter, RowWriter
from fer.vision.detection import DETECTORS

# People listed per video.
_MOST_LISTED: Final = 10


@click.command(short_help="Find the faces in every frame of videos.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", default=SHIPPED, show_default=True, help=MODEL_HELP)
@click.option("--detector", type=click.Choice(DETECTORS), help=DETECTOR_HELP)
@click.option("--every", metavar="N", type=click.IntRange(1), default=1, help="Analyse every N-th frame [default: 1]")
@click.option("--fps", metavar="F", type=click.FloatRange(0, 1000, min_open=True), help="Analyse F frames per second")
@click.option(
    "--csv",
    metavar="FILE",
    callback=not_an_option,
    help="Write one row per face and frame as CSV; '-' is standard output",
)
@click.option("--parquet", metavar="FILE", callback=not_an_option, help="Write the same rows as Parquet")
@click.option(
    "--json", metavar="FILE", callback=not_an_option, help="Write one object per video as JSON; '-' is standard output"
)
@click.option(
    "--report",
    metavar="FILE",
    callback=not_an_option,
    help="Write a report with charts as one HTML file; '-' is standard output",
)
@summary_options
@click.option(
    "--annotated",
    metavar="DIR",
    type=click.Path(path_type=Path),
    callback=not_an_option,
    help="Write the videos with boxes and their sound (H.264), and subtitles (WebVTT)",
)
@click.option("--vp9", is_flag=True, help="Write annotated videos as WebM (VP9) instead of MP4 (H.264)")
@click.option("--blur", is_flag=True, help="Make faces unrecognisable in annotated videos")
@click.option("--quiet", is_flag=True, help="Print neither the table nor the progress; failures are still printed")
def video(
    files: tuple[Path, ...],
    model: str,
    detector: str | None,
    every: int,
    fps: float | None,
    report: str | None,
    summary: str | None,
    group_by: str | None,
    pattern: str | None,
    groups: Path | None,
    column: str | None,
    annotated: Path | None,
    vp9: bool,
    blur: bool,
    quiet: bool,
    **targets: str | None,
) -> None:
    """Find the faces in every frame of videos and say what each looks like.

    FILE is a video: MP4, MOV, M4V, WebM, MKV or AVI. If a file fails, the others are analysed all the same, and the
    exit code is 1.
    """
    # Deletes what killed analyses of the Video page have left behind.
    sweep()
    options = VideoOptions.of(detector=detector, every=every, fps=fps, blur=blur)
    _check({**targets, "report": report, "summary": summary})
    grouping = grouping_of(group_by, pattern, groups, column, [*targets.values(), summary])
    # Fails now, not after hours of work.
    group_names = grouping and grouping([encodable(str(file)) for file in files])
    loaded = bundle_to_serve(find_model(model))
    chosen = video_model(loaded)
    about = provenance_of(loaded, options.settings.detector, name=display_name(loaded), settings=options.described())
    copies = _Copies(annotated, VP9 if vp9 else H264, files, about) if annotated else None
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    results = []
    with ExitStack() as stack:
        writers = [
            _writer(kind, _stream(stack, target), about, group_names) for kind, target in targets.items() if target
        ]
        for file in files:
            results.append(_analyse(file, chosen, options, writers, copies, console, quiet))
            _tell(results[-1], console)
        for writer in writers:
            writer.close()
    if report:
        write_target(html_report(results, about).encode(), report)
    if not quiet:
        _print_table(results, Console(stderr=STDOUT in (*targets.values(), report, summary)))
    if summary:
        numbers = [result.numbers for result in results]
        write_summary(videos_content, numbers, about, summary, group_names)
    if any(result.error for result in results):
        sys.exit(1)


class _Copies:
    """The folder of annotated videos; a source that lies there is never overwritten."""

    def __init__(self, folder: Path, form: Format, sources: Sequence[Path], about: Provenance) -> None:
        make_folder(folder)
        here = folder.resolve()
        self._names = AnnotatedNames(path.name for path in sources if path.resolve().parent == here)
        self._folder, self._form, self._about = folder, form, about

    def next(self, file: Path) -> Annotated:
        path = self._folder / self._names.with_suffix(str(file), self._form.suffix)
        return Annotated(path, self._about, path.with_suffix(".vtt"), self._form)


def _check(targets: dict[str, str | None]) -> None:
    """Refuse targets before the work that couldn't be written after it."""
    check_targets({f"--{kind}": target for kind, target in targets.items()})
    if targets["parquet"] == STDOUT:
        raise click.UsageError("Parquet can't be written to standard output; name a file.")


def _writer(kind: str, stream: IO[bytes], about: Provenance, groups: Groups | None) -> RowWriter:
    match kind:
        case "csv":
            return CsvWriter(stream, about, groups)
        case "parquet":
            return ParquetWriter(stream, about, groups)
        case _:
            return JsonWriter(stream, about, groups)


def _stream(stack: ExitStack, target: str) -> IO[bytes]:
    if target == STDOUT:
        return sys.stdout.buffer
    try:
        return stack.enter_context(replacing(Path(target)))
    except OSError as error:
        raise not_writable(target, error) from error


def _analyse(
    file: Path,
    model: StreamModel,
    options: VideoOptions,
    writers: Sequence[RowWriter],
    copies: "_Copies | None",
    console: Console,
    quiet: bool,
) -> VideoResult:
    """Analyse one file behind a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(printable(file.name), total=None)

        def advance(frame: AnalysedFrame, info: VideoInfo) -> None:
            bar.update(task, completed=frame.number + 1, total=info.n_frames)

        annotated = copies.next(file) if copies else None
        return process(file, model, options, writers, annotated=annotated, on_frame=advance)


def _tell(result: VideoResult, console: Console) -> None:
    if result.error:
        console.print(Text.assemble("Failed: ", plain(result.file), ": ", result.error))
    for note in result.notes:
        console.print(Text.assemble("Note: ", plain(result.file), ": ", note))


def _print_table(results: Sequence[VideoResult], console: Console) -> None:
    if not console.is_terminal:
        # A file or a pipe has no width; 80 columns would cut names into pieces.
        console.width = 1000
    table = Table("file", "seconds", "frames", "people", "person", "seen, s", "most often")
    for result in results:
        if result.error:
            continue
        summary, people = result.summary, result.summary.people()
        seen = f"{summary.last_s:.1f}", f"{summary.n_frames:,}", f"{len(people):,}"
        about: list[Text | str] = [plain(result.file), *seen]
        if not people:
            table.add_row(*about, "", "", "no face found")
        for person in people[:_MOST_LISTED]:
            share, outcome = max(zip(person.shares, OUTCOMES, strict=True))
            when = f"{person.first_s:.1f} to {person.last_s:.1f}"
            table.add_row(*about, str(person.person), when, f"{outcome} ({share:.0%})" if share else "")
            about = [""] * len(about)
        if len(people) > _MOST_LISTED:
            table.add_row(*about, "", f"and {len(people) - _MOST_LISTED:,} more")
    if table.row_count:
        console.print(table)
