"""`fer analyze`: photos in, a table of faces and expressions out; also as CSV, JSON and annotated images."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table
from rich.text import Text

from fer import exports
from fer.arrays import Image
from fer.cli.output import DETECTOR_HELP, STDOUT, check_targets, make_folder, not_an_option, plain, write_target
from fer.cli.summarize import grouping_of, summary_options, write_summary
from fer.errors import sentence_for
from fer.evaluation.names import display_name
from fer.provenance import Provenance
from fer.recognition.analyzer import FaceAnalyzer, load_analyzer
from fer.recognition.provenance import provenance_of
from fer.results import MOST_CANDIDATES, Face, ImageAnalysis
from fer.runs.finding import MODEL_HELP, SHIPPED, find_model
from fer.summary.wording import photos_content
from fer.text import counted, encodable
from fer.video.limits import SUFFIXES as VIDEO_SUFFIXES
from fer.vision import images
from fer.vision.detection import DETECTORS, photo_detector_name
from fer.vision.picture_files import gather

# With fewer files, the table follows before a progress bar would help.
_MANY: Final = 3
_STDIN: Final = Path("-")
# Columns of a terminal that has room for the boxes as well.
_WIDE: Final = 110
NO_FACE: Final = "no face found"


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", default=SHIPPED, show_default=True, help=MODEL_HELP)
@click.option("--detector", type=click.Choice(DETECTORS), help=DETECTOR_HELP)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Confidence below which a face is 'not sure' [default: the model's own]",
)
@click.option(
    "--csv",
    "csv_file",
    metavar="FILE",
    callback=not_an_option,
    help="Write one row per face as CSV; '-' is standard output",
)
@click.option(
    "--files-csv",
    metavar="FILE",
    callback=not_an_option,
    help="Write one row per file as CSV, files without a face included; '-' as above",
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    callback=not_an_option,
    help="Write what made the results and one object per file as JSON; '-' as above",
)
@summary_options
@click.option(
    "--annotated",
    metavar="DIR",
    type=click.Path(path_type=Path),
    callback=not_an_option,
    help="Write the photos with boxes drawn in",
)
@click.option("--quiet", is_flag=True, help="Print neither the table nor the summary; failures are still printed")
def analyze(
    paths: tuple[Path, ...],
    model: str,
    detector: str | None,
    threshold: float | None,
    csv_file: str | None,
    files_csv: str | None,
    json_file: str | None,
    summary: str | None,
    group_by: str | None,
    pattern: str | None,
    groups: Path | None,
    column: str | None,
    annotated: Path | None,
    quiet: bool,
) -> None:
    """Find the faces in photos and say what each looks like.

    PATH is a photo, a folder, which is searched with everything below it, or '-' for a photo from standard input. If a
    file fails, the others are analysed all the same, and the exit code is 1.
    """
    # Before the checks: the table may be wanted in this folder.
    folder = _AnnotatedFolder(annotated) if annotated else None
    targets = (csv_file, files_csv, json_file)
    check_targets({"--csv": csv_file, "--files-csv": files_csv, "--json": json_file, "--summary": summary})
    grouping = grouping_of(group_by, pattern, groups, column, [*targets, summary])
    used = detector or photo_detector_name()
    analyzer = load_analyzer(find_model(model), used)
    found = gather((path for path in paths if path != _STDIN), skip=annotated)
    if folder:
        folder.spare(found.files)
    bundle = analyzer.classifier.bundle
    about = provenance_of(bundle, used, name=display_name(bundle), confidence_threshold=threshold)
    files = [*([_STDIN] if _STDIN in paths else []), *found.files]
    # Fails now, not after hours of work.
    group_names = grouping and grouping([encodable(_name_of(file)) for file in files])
    results = [_analyze_file(analyzer, file, folder, about) for file in _with_progress(files, quiet)]
    analyses = [result.analysis for result in results]
    analyses += [ImageAnalysis.failed(str(path), reason) for path, reason in found.failures]
    not_written = [result.not_written for result in results if result.not_written]

    if not quiet:
        _print_table(analyses, Console(stderr=STDOUT in (*targets, summary)))
    _print_failures(analyses, not_written)
    if not quiet:
        _print_summary(analyses, found.left_out)
    for write, target in zip((exports.to_csv, exports.to_files_csv, exports.to_json), targets, strict=True):
        if target:
            write_target(write(analyses, about, group_names), target)
    if summary:
        write_summary(photos_content, analyses, about, summary, group_names)
    if not_written or any(analysis.error for analysis in analyses):
        sys.exit(1)


class _AnnotatedFolder:
    """The folder of annotated images; a source that lies there is never overwritten."""

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self._folder = folder
        self._names = exports.AnnotatedNames()

    def spare(self, sources: Sequence[Path]) -> None:
        """Keep the names of the sources that lie in the folder itself."""
        folder = self._folder.resolve()
        self._names = exports.AnnotatedNames(path.name for path in sources if path.resolve().parent == folder)

    def write(self, image_bgr: Image, analysis: ImageAnalysis, about: Provenance) -> None:
        picture = exports.annotated_image(image_bgr, analysis, about)
        write_target(picture, str(self._folder / self._names.next(analysis.file, picture)))


@dataclass(frozen=True)
class _Result:
    """One file's analysis, and why its annotated copy was not written, if so."""

    analysis: ImageAnalysis
    not_written: ImageAnalysis | None = None


def _analyze_file(analyzer: FaceAnalyzer, file: Path, annotated: _AnnotatedFolder | None, about: Provenance) -> _Result:
    name = _name_of(file)
    if file.suffix.lower() in VIDEO_SUFFIXES:
        return _Result(ImageAnalysis.failed(name, f"This is a video; type: fer video '{name}'"))
    try:
        picture = images.decode_picture(_read(file))
        analysis = replace(analyzer.analyze(picture.image_bgr, name), note=picture.note)
        faces = tuple(replace(face, confidence_threshold=about.confidence_threshold) for face in analysis.faces)
        analysis = replace(analysis, faces=faces)
    except Exception as error:  # one of many files; the others continue
        return _Result(ImageAnalysis.failed(name, sentence_for(error)))
    try:
        if annotated:
            annotated.write(picture.image_bgr, analysis, about)
    except Exception as error:  # the analysis is good all the same
        return _Result(analysis, ImageAnalysis.failed(name, sentence_for(error)))
    return _Result(analysis)


def _name_of(file: Path) -> str:
    return "standard input" if file == _STDIN else str(file)


def _read(file: Path) -> bytes:
    if file != _STDIN:
        return images.read(file)
    with click.open_file(str(_STDIN), "rb") as stream:
        data: bytes = stream.read(images.MAX_BYTES + 1)
    return data


def _with_progress(files: Sequence[Path], quiet: bool) -> Iterator[Path]:
    console = Console(stderr=True)
    hidden = quiet or len(files) < _MANY or not console.is_terminal
    yield from track(files, "Analysing", console=console, transient=True, disable=hidden)


def _print_table(analyses: Sequence[ImageAnalysis], console: Console) -> None:
    if not console.is_terminal:
        # A file or a pipe has no width; 80 columns would cut names into pieces.
        console.width = 1000
    with_boxes = console.width >= _WIDE
    table = Table("file", "face", Column("looks like", no_wrap=True), "confidence", "notes")
    if with_boxes:
        table.add_column("box x y w h, px")
    for analysis in analyses:
        name = plain(analysis.file)
        if analysis.error is None and not analysis.faces:
            table.add_row(name, "", NO_FACE)
        for number, face in enumerate(analysis.faces, start=1):
            looks = face.looks.removeprefix("looks ")
            box = [" ".join(str(value) for value in face.box_xywh)] if with_boxes else []
            known = _why_and_what(face)
            table.add_row(name if number == 1 else "", str(number), looks, f"{face.confidence:.2f}", known, *box)
    if table.row_count:
        console.print(table)


def _why_and_what(face: Face) -> str:
    """Return what speaks against an answer about a face, and what an unsure one may be: 'it is dark; sad or fear?'."""
    parts = [reason.removeprefix("the face is ") for reason in face.reasons]
    if not face.sure and 0 < len(face.candidates) <= MOST_CANDIDATES:
        parts.append(f"{' or '.join(face.candidates)}?")
    return "; ".join(parts)


def _errors() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


def _print_failures(analyses: Sequence[ImageAnalysis], not_written: Sequence[ImageAnalysis]) -> None:
    console = _errors()
    for analysis in analyses:
        if analysis.error is not None:
            console.print(Text.assemble("Failed: ", plain(analysis.file), ": ", analysis.error))
        elif analysis.note is not None:
            console.print(Text.assemble("Note: ", plain(analysis.file), ": ", analysis.note))
    for failure in not_written:
        console.print(Text.assemble("Not annotated: ", plain(failure.file), ": ", failure.error or ""))


def _print_summary(analyses: Sequence[ImageAnalysis], left_out: int) -> None:
    n_failed = sum(analysis.error is not None for analysis in analyses)
    n_faces = sum(len(analysis.faces) for analysis in analyses)
    parts = [counted(len(analyses) - n_failed, "photo"), counted(n_faces, "face")]
    if n_failed:
        parts.append(f"{n_failed} failed")
    if left_out:
        parts.append(f"{counted(left_out, 'other file')} skipped")
    _errors().print(", ".join(parts))
