"""`python -m fer analyze`: photos in, a table of faces and expressions out; also as CSV, JSON and annotated images."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from fer import exports
from fer.arrays import Image
from fer.cli.output import STDOUT, check_targets, plain, write_target
from fer.errors import FerError, ImageError
from fer.recognition.analyzer import FaceAnalyzer, load_analyzer
from fer.results import ImageAnalysis
from fer.text import counted
from fer.vision import images
from fer.vision.detection import DETECTORS
from fer.vision.picture_files import gather

# From so many files on a progress bar tells more than the table that follows at once.
_MANY: Final = 3


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", metavar="BUNDLE", type=click.Path(path_type=Path), help="A model's folder [default: shipped]")
@click.option(
    "--detector", type=click.Choice(DETECTORS), help="[default: yunet, or haar where yunet's file is missing]"
)
@click.option("--csv", "csv_file", metavar="FILE", help="Write a row a face as CSV; '-' is standard output")
@click.option("--json", "json_file", metavar="FILE", help="Write an object a file as JSON; '-' is standard output")
@click.option(
    "--annotated", metavar="DIR", type=click.Path(path_type=Path), help="Write the pictures with boxes drawn in"
)
def analyze(
    paths: tuple[Path, ...],
    model: Path | None,
    detector: str | None,
    csv_file: str | None,
    json_file: str | None,
    annotated: Path | None,
) -> None:
    """Find the faces in photos and say what each looks like.

    PATH is a photo or a folder, which is searched to the bottom. The exit code is 1 if a file failed; the others are
    analysed all the same.
    """
    # Before the checks: the table may be asked for in this folder.
    names = _AnnotatedFolder(annotated) if annotated else None
    check_targets(csv_file, json_file)
    analyzer = load_analyzer(model, detector)
    found = gather(paths, skip=annotated)
    if names:
        names.spare(found.files)
    analyses = [_analyze_file(analyzer, file, names) for file in _with_progress(found.files)]
    analyses += [ImageAnalysis.failed(str(path), reason) for path, reason in found.failures]

    quiet = STDOUT in (csv_file, json_file)
    _report(analyses, found.left_out, Console(stderr=quiet))
    if csv_file:
        write_target(exports.to_csv(analyses), csv_file)
    if json_file:
        write_target(exports.to_json(analyses), json_file)
    if any(analysis.error for analysis in analyses):
        sys.exit(1)


class _AnnotatedFolder:
    """The folder of annotated images; a source that lies there is never written over."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FerError(f"'{folder}' cannot be written ({error.strerror}); choose another place.") from error
        self._folder = folder
        self._names = exports.AnnotatedNames()

    def spare(self, sources: Sequence[Path]) -> None:
        """Keep the names of the sources that lie in the folder itself."""
        folder = self._folder.resolve()
        self._names = exports.AnnotatedNames(path.name for path in sources if path.resolve().parent == folder)

    def write(self, image_bgr: Image, analysis: ImageAnalysis) -> None:
        picture = exports.annotated_image(image_bgr, analysis)
        write_target(picture, str(self._folder / self._names.next(analysis.file, picture)))


def _analyze_file(analyzer: FaceAnalyzer, file: Path, annotated: _AnnotatedFolder | None) -> ImageAnalysis:
    try:
        image_bgr = images.decode(images.read(file))
    except ImageError as error:
        return ImageAnalysis.failed(str(file), str(error))
    analysis = analyzer.analyze(image_bgr, str(file))
    if annotated:
        annotated.write(image_bgr, analysis)
    return analysis


def _with_progress(files: Sequence[Path]) -> Iterator[Path]:
    console = Console(stderr=True)
    yield from track(
        files, "Analysing", console=console, transient=True, disable=len(files) < _MANY or not console.is_terminal
    )


def _report(analyses: Sequence[ImageAnalysis], left_out: int, console: Console) -> None:
    if not console.is_terminal:
        # A file or a pipe has no width: 80 columns would cut names into pieces.
        console.width = 1000
    table = Table("file", "face", "looks like", "confidence", "box x y w h, px")
    for analysis in analyses:
        name = plain(analysis.file)
        if analysis.error is None and not analysis.faces:
            table.add_row(name, "", "no face found")
        for number, face in enumerate(analysis.faces, start=1):
            looks = face.looks.removeprefix("looks ")
            box = " ".join(str(value) for value in face.box_xywh)
            table.add_row(name if number == 1 else "", str(number), looks, f"{face.confidence:.2f}", box)
    if table.row_count:
        console.print(table)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    failed = [analysis for analysis in analyses if analysis.error is not None]
    for analysis in failed:
        errors.print(Text.assemble("Failed: ", plain(analysis.file), ": ", analysis.error or ""))
    n_faces = sum(len(analysis.faces) for analysis in analyses)
    parts = [counted(len(analyses) - len(failed), "photo"), counted(n_faces, "face")]
    parts += [f"{len(failed)} failed"] if failed else []
    parts += [f"{counted(left_out, 'file')} left out that {'is' if left_out == 1 else 'are'} no picture"] * bool(
        left_out
    )
    errors.print(", ".join(parts))
