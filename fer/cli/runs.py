"""The command `fer runs`: list, show, stop, resume, compare, use and delete training runs.

Imports that one command needs are inside it, because a resumed run can be queued and must stay small meanwhile.
"""

import dataclasses
import json
import sys
from datetime import datetime

import click
from rich.console import Console
from rich.table import Table

from fer import paths
from fer.cli.output import confirm_deletion, plain
from fer.emotions import EMOTIONS
from fer.runs import control, layout, store
from fer.runs.progress import INTERRUPTED
from fer.runs.store import RunSummary
from fer.text import percent, printable


@click.group(invoke_without_command=True)
@click.option(
    "--json", "as_json", is_flag=True, help="Print an array of {id, state, epoch, epochs, best, test, started, sweep}"
)
@click.pass_context
def runs(context: click.Context, as_json: bool) -> None:
    """List the training runs, or manage one of them.

    The states are queued, running, stopped, interrupted, finished and failed. 'epoch' is the number of completed
    epochs. 'best' is the validation accuracy of the best epoch, and 'test' the accuracy of its model on the test split,
    if there is one. Both are fractions of 1 in the JSON.
    """
    if context.invoked_subcommand is not None:
        return
    found = store.list_runs()
    if as_json:
        click.echo(json.dumps([run.to_dict() for run in found], indent=2))
        return
    if not found:
        click.echo(f"No runs yet. Start one with: {paths.typed('train --data synthetic --epochs 5')}")
        return
    table = Table("id", "name", "state", "epoch", "best on validation", "test", "started")
    for run in found:
        best, test = run.validation_accuracy, run.test_accuracy
        table.add_row(
            run.id,
            plain(run.name),
            run.state,
            f"{run.progress.epoch} of {run.progress.epochs}",
            "" if best is None else f"{percent(best)} (epoch {run.progress.best_epoch})",
            "" if test is None else percent(test),
            f"{run.started.astimezone():%Y-%m-%d %H:%M}",
        )
    # A narrow table would cut off the ids, which people copy.
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    if any(run.origin.sweep for run in found):
        _print_sweeps()


def _print_sweeps() -> None:
    """Print the results of each sweep."""
    from fer.cli.sweep import print_results
    from fer.sweeps.job import list_sweeps
    from fer.sweeps.results import in_words, results_of_sweep

    for job in list_sweeps():
        points, request, progress = results_of_sweep(job), job.find_request(), job.progress()
        if request is not None and progress is not None:
            click.echo(f"\nSweep {job.id}: {printable(request.name)}: {progress.state}, {in_words(points)}")
            print_results(points)


@runs.command()
@click.argument("sweep_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the results as a JSON object")
def sweep(sweep_id: str, as_json: bool) -> None:
    """Show the results of a sweep: mean and standard deviation over seeds."""
    from fer.cli.sweep import print_results
    from fer.sweeps.job import find_sweep
    from fer.sweeps.results import results_of_sweep, to_dict

    job = find_sweep(sweep_id)
    points = results_of_sweep(job)
    if as_json:
        click.echo(json.dumps(to_dict(job, points), indent=2))
    else:
        print_results(points)


@runs.command()
@click.argument("run_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print an object, with settings and curves")
def show(run_id: str, as_json: bool) -> None:
    """Show a run: its state, its best epoch, its command and the end of its log."""
    from fer.runs import curves

    run = store.read_run(run_id)
    if as_json:
        details = {
            **run.to_dict(),
            "name": run.name,
            "notes": run.notes,
            "message": run.progress.message,
            "best_epoch": run.progress.best_epoch or None,
            "config": dataclasses.asdict(store.read_config(run_id)),
            "metrics": json.loads(curves.read_metrics(run_id).to_json(orient="records")),
            "report": curves.read_report(run_id) or None,
        }
        click.echo(json.dumps(details, indent=2))
        return
    click.echo(f"{run.id}  {printable(run.name)}")
    click.echo(f"{run.state}{_where(run)}")
    for text in (explain(run), run.notes):
        if text:
            click.echo("\n".join(map(printable, text.splitlines())))
    metrics = curves.read_metrics(run_id)
    if run.validation_accuracy is not None and 0 < run.progress.best_epoch <= len(metrics):
        row = metrics.iloc[run.progress.best_epoch - 1]
        test = "" if run.test_accuracy is None else f", test accuracy {run.test_accuracy:.4f}"
        click.echo(
            f"best: epoch {run.progress.best_epoch}, validation accuracy {run.validation_accuracy:.4f}{test}; by class "
            "on validation:"
        )
        click.echo("  " + ", ".join(f"{emotion} {row[f'accuracy_{emotion}']:.2f}" for emotion in EMOTIONS))
    click.echo(f"command: {control.command_text(store.read_config(run_id))}")
    click.echo(f"folder: {run.folder}\n")
    click.echo(store.read_log_tail(run_id))


def explain(run: RunSummary) -> str:
    """Return why a run is in its state, or '' if there is nothing to explain."""
    if run.state == INTERRUPTED:
        return (
            "The run stopped unexpectedly, for example because memory ran out or the computer was switched off. "
            f"Resume it with: {paths.typed(f'runs resume {run.id}')}"
        )
    return run.progress.message or ""


def _where(run: RunSummary) -> str:
    progress = run.progress
    done = f", {progress.epoch} of {progress.epochs} epochs"
    if progress.batch and progress.ended is None:
        done += f", batch {progress.batch} of {progress.batches}"
    if run.active and progress.seconds_left is not None:
        done += f", {progress.seconds_left / 60:.0f} min left"
    return done


@runs.command()
@click.argument("run_id", metavar="ID")
def stop(run_id: str) -> None:
    """Stop a run after its step and keep its best model. Repeat the command to end it at once."""
    if control.stop(run_id):
        click.echo(f"{run_id} stops after its current step. Repeat the command to end it at once.", err=True)
    else:
        click.echo(f"{run_id} was ended.", err=True)


@runs.command()
@click.argument("run_id", metavar="ID")
def resume(run_id: str) -> None:
    """Resume a stopped, interrupted or failed run from its last checkpoint, in the foreground."""
    from fer.cli.train import train_in_folder

    control.require_resumable(store.read_run(run_id))
    click.echo(run_id)
    train_in_folder(layout.run_folder(run_id))


@runs.command()
@click.argument("run_ids", metavar="ID ID ...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print an object with 'runs', 'best', 'tests' and 'untested'")
def compare(run_ids: tuple[str, ...], as_json: bool) -> None:
    """Compare runs: which is better, whether by more than chance, and the settings that differ.

    The test is McNemar's, on the predictions that each run stores for its test split, or for
    its validation split if the data has no test split.
    """
    from fer.comparing.runs import compare_runs, in_words, to_dict, unique_names

    if len(set(run_ids)) < 2:
        raise click.UsageError(f"Name at least two different runs; '{paths.typed('runs')}' lists them.")
    chosen = [store.read_run(run_id) for run_id in dict.fromkeys(run_ids)]
    found = compare_runs(chosen)
    if as_json:
        click.echo(json.dumps(to_dict(chosen, found), indent=2))
        return
    names = unique_names(chosen)
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(_results_table(chosen, names))
    if settings := _settings_table(chosen, names):
        console.print(settings)
    for sentence in in_words(found, names):
        click.echo(printable(sentence))


def _results_table(chosen: list[RunSummary], names: dict[str, str]) -> Table:
    from fer.comparing.runs import results_row

    rows = {run.id: results_row(run) for run in chosen}
    table = Table("", *next(iter(rows.values())))
    for run_id, row in rows.items():
        table.add_row(plain(names[run_id]), *map(plain, row.values()))
    return table


def _settings_table(chosen: list[RunSummary], names: dict[str, str]) -> Table | None:
    from fer.comparing.runs import differing_settings

    differing = differing_settings(chosen)
    if not differing:
        return None
    table = Table("setting")
    for run in chosen:
        table.add_column(plain(names[run.id]))
    for name, values in differing.items():
        table.add_row(name, *map(plain, values))
    return table


@runs.command()
@click.argument("run_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Don't ask, even if the model looks worse than the one in use")
def use(run_id: str, yes: bool) -> None:
    """Use a run's best model on the pages; 'shipped' returns to the shipped model.

    Compares it with the model in use first, and asks if it looks worse or can't be compared. A script, which can't
    answer, isn't asked.
    """
    from fer.comparing.switching import change_to_run
    from fer.runs import serving

    if run_id == "shipped":
        serving.use_shipped()
        click.echo("The pages use the shipped model.", err=True)
        return
    run = store.read_run(run_id)
    serving.require_model(run)
    change = change_to_run(run)
    for sentence in change.sentences:
        click.echo(printable(sentence), err=True)
    if change.doubtful and not yes and _can_answer():
        click.confirm("Use it anyway?", abort=True, err=True)
    serving.use_run(run_id)
    click.echo(f"The pages use the model of {run_id}. To undo this: {paths.typed('runs use shipped')}", err=True)


@runs.command()
@click.argument("run_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation")
def delete(run_id: str, yes: bool) -> None:
    """Delete a run with its curves, checkpoints and model. A model in use stays in use."""
    run = store.read_run(run_id)
    if not yes:
        started = datetime.fromtimestamp(run.progress.started)
        confirm_deletion(f"'{printable(run.name)}' of {started:%Y-%m-%d %H:%M}")
    control.delete(run_id)
    click.echo(f"{run_id} was deleted.", err=True)


def _can_answer() -> bool:
    """Return whether a user can answer a question; a script can't."""
    return sys.stdin.isatty()
