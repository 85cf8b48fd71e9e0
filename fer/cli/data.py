"""`fer data`: import, list, show, clean, export and delete datasets."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import rich.progress
from rich.console import Console
from rich.table import Table

from fer.cli.output import LABELS_HELP, confirm_deletion, not_an_option, plain
from fer.datasets.doctor.checkup import KINDS, SURE_KINDS, examine
from fer.datasets.doctor.cleaning import clean_copy
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readings import Progress
from fer.datasets.store import catalog
from fer.datasets.store.corrections import correct_reading, corrections_file, not_applied, read_corrections
from fer.datasets.store.exporting import FORMS, export, export_name
from fer.datasets.store.importing import import_path
from fer.datasets.store.loading import find_source
from fer.datasets.store.staging import clean_staging
from fer.datasets.store.storage import REJECTED_FILE, DatasetInfo
from fer.emotions import EMOTIONS
from fer.errors import DatasetError
from fer.paths import typed
from fer.text import counted, file_size, printable


@contextmanager
def progress_bar(text: str) -> Iterator[Progress]:
    """Show a bar on standard error, and yield the `Progress` that moves it."""
    columns = (
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.TaskProgressColumn(),
        rich.progress.TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    # Outside a terminal, a transient bar leaves an empty line.
    with rich.progress.Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(text, total=1.0)
        yield lambda share, text: bar.update(task, completed=share, description=text)


@click.group()
def data() -> None:
    """Import, list, show, clean, export and delete datasets. Other commands take them by name: `--data NAME`."""
    clean_staging()


@data.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the new dataset [default: after the file]")
@click.option("--votes", type=click.Path(path_type=Path), help="FER+ file [default: fer2013new.csv next to the CSV]")
@click.option("--labels", metavar="ORDER", help=LABELS_HELP)
@click.option("--photos", is_flag=True, help="The images are whole photos; cut out the face of each")
def import_command(source: Path, name: str | None, votes: Path | None, labels: str | None, photos: bool) -> None:
    """Import SOURCE: a CSV, image folders, a parquet or npz file, or a zip or tar of them.

    A row or file that can't be read is left out and listed with its reason. Nothing is changed if more than a tenth
    can't be read, or if you cancel the import with Ctrl-C.
    """
    with progress_bar("Reading") as progress:
        info = import_path(find_source(source), name, ReadOptions.of(votes, labels, photos), progress)
    _print_counts(info)
    left_out = f", {info.n_left_out:,} left out" if info.n_left_out else ""
    click.echo(
        f"{counted(info.n_read, info.unit)} read, {info.n_images:,} kept, {info.n_rejected:,} rejected{left_out}."
    )
    for change in info.changes:
        click.echo(change)
    if info.n_rejected or info.n_left_out:
        click.echo(
            f"Each {info.unit} that wasn't imported and why: {catalog.dataset_folder(info.name) / REJECTED_FILE}"
        )
    click.echo(f"Imported as '{info.name}'. Next: {typed(f'doctor {info.name}')}")


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print an array with an object per dataset")
def list_command(as_json: bool) -> None:
    """List the datasets of this installation."""
    found = catalog.list_datasets()
    if as_json:
        click.echo(json.dumps([_details(info) for info in found], indent=2))
        return
    if not found:
        click.echo(f"No dataset yet. data/README.md says how to get FER-2013. Then: {typed('data import fer2013.csv')}")
        return
    table = Table("name", "images", "splits", "votes", "fingerprint", "source", "on disk")
    for info in found:
        splits = ", ".join(f"{split} {count:,}" for split, count in info.by_split().items())
        size = file_size(catalog.disk_bytes(info.name))
        votes = "yes" if info.has_votes else "no"
        table.add_row(plain(info.name), f"{info.n_images:,}", splits, votes, info.fingerprint, plain(info.source), size)
    # Cut to a terminal's width, a table would cut the names, which people copy.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@data.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print an object")
def show(name: str, as_json: bool) -> None:
    """Show a dataset: images by class and split, source, corrections."""
    info = catalog.get_info(name)
    details = _details(info)
    if as_json:
        click.echo(json.dumps(details, indent=2))
        return
    _print_counts(info)
    click.echo(f"{info.form} from {printable(info.source)}, imported {info.created}, fingerprint {info.fingerprint}")
    click.echo(f"FER+ votes: {'yes' if info.has_votes else 'no'}; rejected: {info.n_rejected:,}")
    click.echo(f"corrections: {details['n_corrections']:,}; on disk: {file_size(details['bytes'])}")
    for change in info.changes:
        click.echo(change)
    click.echo(f"folder: {catalog.dataset_folder(name)}")


@data.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation")
def delete(name: str, yes: bool) -> None:
    """Delete a dataset and its corrections; the file it was imported from stays."""
    size = catalog.disk_bytes(name)
    if not yes:
        confirm_deletion(f"'{name}' ({file_size(size)})")
    catalog.delete_dataset(name)
    click.echo(f"'{name}' was deleted.", err=True)


@data.command()
@click.argument("name")
@click.argument("new_name")
@click.option(
    "--drop",
    multiple=True,
    type=click.Choice([kind.key for kind in KINDS if kind.key != "imbalance"]),
    help=f"Leave out images with this finding; may be repeated [default: {', '.join(SURE_KINDS)}]",
)
@click.option("--corrections", is_flag=True, help="Apply the corrections made by hand")
def clean(name: str, new_name: str, drop: tuple[str, ...], corrections: bool) -> None:
    """Store a copy of NAME as NEW_NAME without the images the doctor flags; each is listed with its reason."""
    catalog.check_new_name(new_name)
    reading = catalog.open_dataset(name)
    folder = catalog.dataset_folder(name)
    made = read_corrections(corrections_file(folder))
    with progress_bar("Examining") as progress:
        checkup = examine(reading.dataset, progress)
    info = clean_copy(reading, checkup, new_name, drop or SURE_KINDS, made, apply=corrections)
    _print_counts(info)
    for change in info.changes or ("Nothing was left out.",):
        click.echo(change)
    click.echo(
        f"Stored as '{info.name}'. Each image left out and why: {catalog.dataset_folder(new_name) / REJECTED_FILE}"
    )


@data.command("export")
@click.argument("name")
@click.option("--to", "form", type=click.Choice(FORMS), required=True, help="The form")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    callback=not_an_option,
    help="The new file or folder [default: after NAME]",
)
@click.option("--corrections", is_flag=True, help="Apply the corrections made by hand")
def export_command(name: str, form: str, output: Path | None, corrections: bool) -> None:
    """Export dataset NAME to a new file or folder; imported again, it has the same fingerprint.

    FER+ votes aren't exported.
    """
    target = output or Path(name if form == "folders" else f"{export_name(name)}.{form}")
    reading = catalog.open_dataset(name)
    made = read_corrections(corrections_file(catalog.dataset_folder(name)))
    reading = correct_reading(reading, made) if corrections else reading
    with progress_bar("Writing") as progress:
        export(reading, form, target, progress)
    click.echo(f"Exported {len(reading.dataset):,} images to {printable(str(target))}.")
    if made and not corrections:
        click.echo(f"{not_applied(made)} Add --corrections to apply them.")


def _details(info: DatasetInfo) -> dict[str, Any]:
    folder = catalog.dataset_folder(info.name)
    try:
        n_corrections = len(read_corrections(corrections_file(folder)))
    except DatasetError:
        n_corrections = 0
    return {**info.to_dict(), "bytes": catalog.disk_bytes(info.name), "n_corrections": n_corrections}


def _print_counts(info: DatasetInfo) -> None:
    table = Table("class", *info.by_split(), "all", title=plain(info.name))
    rows = [row for row in info.counts if sum(row)]
    for label, emotion in enumerate(EMOTIONS):
        counts = [row[label] for row in rows]
        table.add_row(emotion, *(f"{count:,}" for count in [*counts, sum(counts)]))
    table.add_section()
    table.add_row("all", *(f"{sum(row):,}" for row in rows), f"{info.n_images:,}")
    Console().print(table)
