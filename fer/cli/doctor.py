"""`fer doctor`: find problems in labelled faces; print a table, or write JSON or CSV."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from fer.cli.data import progress_bar
from fer.cli.output import LABELS_HELP, STDOUT, check_targets, not_an_option, plain, write_target
from fer.datasets.doctor.checkup import Checkup, examine
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readings import Reading
from fer.datasets.store.corrections import correct_reading, corrections_file, read_corrections
from fer.datasets.store.loading import SYNTHETIC, find_source, read_source
from fer.datasets.synthetic import make_synthetic


@click.command(short_help="Look for problems in a dataset, such as duplicates.")
@click.argument("path")
@click.option("--votes", type=click.Path(path_type=Path), help="FER+ file [default: fer2013new.csv next to the CSV]")
@click.option("--labels", metavar="ORDER", help=LABELS_HELP)
@click.option("--corrections", is_flag=True, help="Apply the corrections made by hand first")
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    callback=not_an_option,
    help="Write every finding with its images; '-' is standard output",
)
@click.option(
    "--csv",
    "csv_file",
    metavar="FILE",
    callback=not_an_option,
    help="Write a row for each image of each finding; '-' is standard output",
)
def doctor(
    path: str, votes: Path | None, labels: str | None, corrections: bool, json_file: str | None, csv_file: str | None
) -> None:
    """Look for duplicates, blank images, images without a face, doubtful labels and imbalance in PATH.

    PATH is the name of an imported dataset, any file or folder that `fer data import` reads, or 'synthetic'.
    Nothing is changed; `fer data clean` stores a copy without what was found.
    """
    check_targets({"--csv": csv_file, "--json": json_file})
    with progress_bar("Reading") as progress:
        reading = _read(path, ReadOptions.of(votes, labels), corrections)
        checkup = examine(reading.dataset, progress)
    _report(reading, checkup, Console(stderr=STDOUT in (json_file, csv_file)))
    if json_file:
        write_target((json.dumps(checkup.to_dict(reading), indent=2) + "\n").encode(), json_file)
    if csv_file:
        write_target(checkup.to_csv(reading).encode(), csv_file)


def _read(path: str, options: ReadOptions, corrections: bool) -> Reading:
    if path == SYNTHETIC:
        dataset = make_synthetic()
        return Reading(dataset, tuple(f"synthetic {number}" for number in range(len(dataset))), form="synthetic")
    source = find_source(path)
    reading = read_source(source, options)
    if not corrections:
        return reading
    return correct_reading(reading, read_corrections(corrections_file(source)))


def _report(reading: Reading, checkup: Checkup, console: Console) -> None:
    dataset = reading.dataset
    sentences = [f"{dataset.name}: {len(dataset):,} images, fingerprint {dataset.fingerprint}"]
    if dataset.synthetic:
        sentences.append("These faces are synthetic.")
    if reading.rejected:
        first = reading.rejected[0]
        sentences.append(f"{len(reading.rejected):,} couldn't be read; the first is {first.where}: {first.reason}.")
    _say(console, sentences)
    table = Table("finding", "images", "groups", "removed when cleaned")
    for item in checkup.findings:
        if item.n_images:
            n_groups = f"{item.n_groups:,}" if item.n_groups != item.n_images else ""
            table.add_row(item.kind.title, f"{item.n_images:,}", n_groups, f"{len(item.drop):,}")
    if table.row_count:
        console.print(table)
    _say(console, [item.text for item in checkup.findings if item.text] + list(checkup.remarks))
    if not checkup.findings:
        console.print("No problems found.")


def _say(console: Console, sentences: list[str]) -> None:
    for sentence in sentences:
        console.print(plain(sentence), soft_wrap=True)
