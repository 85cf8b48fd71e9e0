"""`python -m fer evaluate`: a served model on labelled faces, as a table and as JSON."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from fer import paths
from fer.datasets.faces import SPLITS, FaceDataset
from fer.datasets.loading import load_dataset
from fer.errors import EvaluationError
from fer.evaluation.metrics import Predictions, predict, summary
from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import EmotionClassifier


@click.command()
@click.argument("path")
@click.option("--model", type=click.Path(path_type=Path), help="A model bundle's folder [default: the shipped model]")
@click.option("--split", help=f"One of {', '.join(SPLITS)} [default: test, else validation, else train]")
@click.option("--json", "json_file", metavar="FILE", help="Write the figures as JSON; '-' is standard output")
def evaluate(path: str, model: Path | None, split: str | None, json_file: str | None) -> None:
    """Measure a model on the labelled faces of PATH: FER-2013's CSV, image folders, or 'synthetic'.

    A single crop a face, by the model as it is served. Rates are fractions of 1; the calibration error (ECE) is that
    of the top label over 15 bins.
    """
    console = Console(stderr=json_file == "-")
    bundle = load_bundle(model or paths.SHIPPED_BUNDLE)
    classifier = EmotionClassifier(bundle)
    dataset = load_dataset(path, with_validation=False)
    chosen = split or default_split(dataset)
    predictions = _predict(classifier, dataset.split(chosen))
    figures = summary(bundle.name, path, chosen, predictions)
    if json_file != "-":
        _print(figures, console, synthetic=dataset.synthetic)
    if json_file:
        _write_json(figures, json_file)


def default_split(dataset: FaceDataset) -> str:
    """The split that tells most: test, else validation, else train.

    Raises:
        EvaluationError: there is no image at all.
    """
    for name in reversed(SPLITS):
        if name in dataset.split_names():
            return name
    raise EvaluationError(f"{dataset.name} has no image; choose other data.")


def _predict(classifier: EmotionClassifier, faces: FaceDataset) -> Predictions:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Faces", total=len(faces))
        return predict(classifier, faces, lambda done, total: progress.update(task, completed=done))


def _print(figures: dict[str, Any], console: Console, *, synthetic: bool) -> None:
    console.print(f"{figures['model']} on {figures['data']}, {figures['split']} split, {figures['n']} faces")
    if synthetic:
        console.print("These faces are drawn: the figures say nothing about real ones.")
    console.print(
        f"accuracy {figures['accuracy']:.4f}, macro F1 {figures['macro_f1']:.4f}, ECE {figures['ece']:.4f}, "
        f"{figures['faces_per_second']:.0f} faces a second"
    )
    table = Table("emotion", "precision", "recall", "F1", "faces", *figures["per_class"], title="Rows true, columns given")
    for row, (name, scores) in enumerate(figures["per_class"].items()):
        table.add_row(
            name,
            *(f"{scores[key]:.3f}" for key in ("precision", "recall", "f1")),
            str(scores["support"]),
            *(str(count) for count in figures["confusion_matrix"][row]),
        )
    console.print(table)


def _write_json(figures: dict[str, Any], target: str) -> None:
    text = json.dumps(figures, indent=2)
    if target == "-":
        click.echo(text)
        return
    try:
        Path(target).write_text(text + "\n")
    except OSError as error:
        raise EvaluationError(f"{target} cannot be written ({error.strerror}); choose another file.") from error
