"""`fer evaluate`: measure a model on labelled faces and write tables, JSON and reports."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from fer.cli.output import LABELS_HELP, STDOUT, check_target, not_an_option, write_target
from fer.datasets.faces import SPLITS
from fer.errors import EvaluationError
from fer.evaluation.comparison import Comparison, compare
from fer.evaluation.evaluation_result import EvaluationResult, evaluate_model
from fer.evaluation.evaluation_set import EvaluationSet, Source, load_evaluation_set
from fer.evaluation.metrics import Metrics, summary
from fer.evaluation.names import display_name
from fer.evaluation.once import evaluate_once
from fer.evaluation.report import FORMS, report
from fer.evaluation.store import StoreError
from fer.evaluation.wording import PHOTOS, SYNTHETIC, class_scores, part_of, sets_in_words, verdict
from fer.recognition.analyzer import FaceAnalyzer
from fer.recognition.classifier import EmotionClassifier, MirroredClassifier
from fer.recognition.weights import bundle_to_serve
from fer.runs.finding import MODEL_HELP, SHIPPED, find_model
from fer.text import ago, counted
from fer.vision.detection import DETECTORS, create_detector, photo_detector_name


@click.command()
@click.argument("path")
@click.option("--model", default=SHIPPED, show_default=True, help=MODEL_HELP)
@click.option("--against", metavar="MODEL", help="Another model to compare with")
@click.option("--split", help=f"One of {', '.join(SPLITS)} [default: the best available: test, validation, train]")
@click.option(
    "--photos/--faces", default=None, help="Whether the images are whole photos or cropped faces [default: detected]"
)
@click.option("--detector", type=click.Choice(DETECTORS), help="Face detector for whole photos")
@click.option("--votes", type=click.Path(), help="A FER+ file [default: the one next to the CSV]")
@click.option("--labels", metavar="ORDER", help=LABELS_HELP)
@click.option("--robustness", is_flag=True, help="Also measure the accuracy under each image corruption")
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    callback=not_an_option,
    help="Write the metrics as JSON; '-' means standard output. With --against: 'models' and 'comparison'",
)
@click.option(
    "--report",
    "report_files",
    metavar="FILE",
    multiple=True,
    callback=not_an_option,
    help="Write a report: .html (opens offline), .json (all results) or .csv (one row per face)",
)
@click.option("--gallery/--no-gallery", default=True, help="Whether the HTML report shows faces [default: yes]")
@click.option("--mirror", is_flag=True, help="Average each face and its mirror image; the result is not stored")
@click.option("--fresh", is_flag=True, help="Evaluate again even if there is a stored result")
def evaluate(
    path: str,
    model: str,
    against: str | None,
    split: str | None,
    photos: bool | None,
    detector: str | None,
    votes: str | None,
    labels: str | None,
    robustness: bool,
    json_file: str | None,
    report_files: tuple[str, ...],
    gallery: bool,
    mirror: bool,
    fresh: bool,
) -> None:
    """Measure a model on the labelled faces in PATH.

    PATH is the name of an imported dataset, any file or folder that `fer data import` reads, or 'synthetic'. The model
    classifies one crop per face. Rates are fractions of 1. ECE is the expected calibration error of the predicted class
    over 15 bins. Results are stored under FER_HOME for the Evaluation page and for the next call. The faces are not
    stored.
    """
    for file in report_files:
        if Path(file).suffix.lower() not in FORMS:
            raise EvaluationError(f"{file}: the name of a report must end in {', '.join(FORMS[:-1])} or {FORMS[-1]}.")
    # Fail before classifying, which may take minutes.
    for target in (*report_files, *([json_file] if json_file else [])):
        check_target(target)
    kind = MirroredClassifier if mirror else EmotionClassifier
    classifiers: list[EmotionClassifier] = [
        kind(bundle_to_serve(find_model(name))) for name in (model, against) if name
    ]
    began = datetime.now(UTC).isoformat(timespec="seconds")
    source = Source(path, split, photos=photos, detector=detector, votes=votes, labels=labels)
    evaluation_set, results = _work(source, classifiers, robustness=robustness, fresh=fresh)
    # Without markup, because a name may contain [brackets].
    console = Console(stderr=json_file == STDOUT, markup=False)
    for result in results:
        _print(result, path, console, mirror=mirror)
        if result.made < began:
            console.print(f"Stored result, evaluated {ago(result.made)}. Use --fresh to evaluate again.")
    comparison = None
    if len(results) > 1:
        comparison = compare(results[0].predictions, results[1].predictions)
        _print_comparison(comparison, results, console)
    if json_file:
        metrics = [_summary(one, path) for one in results]
        content = {"models": metrics, "comparison": comparison.to_dict()} if comparison else metrics[0]
        write_target(json.dumps(content, indent=2).encode() + b"\n", json_file)
    for file in report_files:
        made = report(Path(file).suffix.lower(), evaluation_set, results, classifiers if gallery else ())
        write_target(made, file)


def _summary(result: EvaluationResult, path: str) -> dict[str, Any]:
    """Return the object for JSON; what made it, and the parts that only some evaluations have, are at its end."""
    values = summary(result.model.name, path, result.data.split, result.predictions)
    values["about"] = result.about.to_dict()
    if result.robustness is not None:
        values["robustness"] = [asdict(row) for row in result.robustness]
    if result.sets is not None:
        values["sets"] = asdict(result.sets)
    return values


def _work(
    source: Source, classifiers: list[EmotionClassifier], *, robustness: bool, fresh: bool
) -> tuple[EvaluationSet, list[EvaluationResult]]:
    console = Console(stderr=True)
    # Outside a terminal, a transient bar leaves an empty line.
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        reading = progress.add_task("Reading", total=1.0)
        evaluation_set = load_evaluation_set(
            source,
            lambda: FaceAnalyzer(create_detector(source.detector or photo_detector_name()), classifiers[0]),
            lambda share, text: progress.update(reading, completed=share, description=escape(text)),
        )
        progress.remove_task(reading)
        results = [
            _evaluate(one, name, evaluation_set, progress, robustness=robustness, fresh=fresh)
            for one, name in zip(classifiers, _names(classifiers), strict=True)
        ]
    return evaluation_set, results


def _names(classifiers: Sequence[EmotionClassifier]) -> list[str]:
    """Return the models' names; the ids of runs or the names of folders if two would be the same."""
    names = [display_name(one.bundle) for one in classifiers]
    return names if len(set(names)) == len(names) else [one.bundle.name for one in classifiers]


def _evaluate(
    classifier: EmotionClassifier,
    name: str,
    evaluation_set: EvaluationSet,
    progress: Progress,
    *,
    robustness: bool,
    fresh: bool,
) -> EvaluationResult:
    shown = escape(name)
    task = progress.add_task(shown)

    def tell(stage: str, done: int, total: int) -> None:
        progress.update(task, completed=done, total=total, description=f"{shown}, {stage}")

    def wait() -> None:
        progress.update(task, description=f"{shown}, waiting for another evaluation of the same faces")

    if isinstance(classifier, MirroredClassifier):
        # Stored results are of single crops.
        return evaluate_model(classifier, evaluation_set, robustness=robustness, on_progress=tell).called(name)
    try:
        result = evaluate_once(
            classifier,
            evaluation_set,
            name=name,
            robustness=robustness,
            fresh=fresh,
            on_progress=tell,
            on_wait=wait,
        )
    except StoreError as error:
        # The user asked for the metrics; storing them is only a convenience.
        progress.console.print(f"The result is not stored. {error}", markup=False, highlight=False)
        result = evaluate_model(classifier, evaluation_set, robustness=robustness, on_progress=tell)
    return result.called(name)


def _print(result: EvaluationResult, path: str, console: Console, *, mirror: bool) -> None:
    metrics, data = result.metrics, result.data
    views = "the mean of each face and its mirror image" if mirror else "a single crop per face"
    if result.model.weights:
        views += f", {result.model.weights} weights"
    low, high = metrics.accuracy_interval
    # Soft wrap, because a path may be longer than the line.
    console.print(
        f"'{result.model.name}' on {part_of(data, path)}: {counted(metrics.n, 'face')}",
        highlight=False,
        soft_wrap=True,
    )
    if data.synthetic:
        console.print(SYNTHETIC)
    if data.photos:
        console.print(f"{PHOTOS} Use --faces if they are cropped faces.")
    if data.left_out:
        console.print(f"{counted(data.left_out, 'image')} could not be used and {_were(data.left_out)} left out.")
    console.print(
        f"accuracy {metrics.accuracy:.4f} (95 % interval {low:.4f} to {high:.4f}), macro F1 {metrics.macro_f1:.4f},\n"
        f"ECE {metrics.ece:.4f}, {result.predictions.faces_per_second:.0f} faces per second; {views}",
        highlight=False,
    )
    if result.sets is not None:
        console.print(sets_in_words(result.sets), highlight=False)
    table = Table("emotion", "precision", "recall", "F1", "faces")
    for name, scores in metrics.per_class.items():
        table.add_row(name, *class_scores(scores), str(scores.support))
    console.print(table)
    _print_confusion(metrics, console)
    if result.robustness is not None:
        table = Table("corruption", "accuracy", "lost", "sure", "accuracy if sure", title="Robustness")
        for row in result.robustness:
            numbers = (row.accuracy, row.lost, row.sure, row.sure_accuracy)
            table.add_row(row.label, *("none" if number is None else f"{number:.4f}" for number in numbers))
        console.print(table)


def _print_confusion(metrics: Metrics, console: Console) -> None:
    # Without padding and with the longest name at the left, seven columns fit into 80 characters.
    table = Table("true", *metrics.per_class, title="Confusion matrix (columns: predicted)", padding=(0, 0))
    for name, row in zip(metrics.per_class, metrics.confusion, strict=True):
        table.add_row(name, *(str(count) for count in row))
    console.print(table)


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _print_comparison(comparison: Comparison, results: list[EvaluationResult], console: Console) -> None:
    first, second = (result.model.name for result in results)
    console.print(verdict(comparison, first, second), highlight=False)
