"""`fer sweep`: several trainings with other values and seeds; mean and spread out, and it can be resumed."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from fer.cli.output import plain
from fer.runs.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fer.runs.config import TrainConfig
    from fer.sweeps.job import Request, SweepJob
    from fer.sweeps.results import PointResult
    from fer.sweeps.running import Told

_INTERRUPTED: Final = 130
_DEFAULT_SEEDS: Final = 3
_WIDTH: Final = 160


@click.command(short_help="Train with several values and seeds; mean and spread.")
@click.option("--data", help="The dataset, as for 'fer train' [default: synthetic]")
@click.option(
    "--preset",
    type=click.Choice([preset.key for preset in PRESETS]),
    help="The settings that don't vary [default: standard]",
)
@click.option(
    "--set",
    "values",
    metavar="NAME=VALUE,...",
    multiple=True,
    help="A setting of 'fer train' and its values; repeated, all combinations are trained",
)
@click.option("--seeds", type=int, metavar="N", help=f"Trainings per combination [default: {_DEFAULT_SEEDS}]")
@click.option("--resume", "sweep_id", metavar="ID", help="Continue a sweep; the same options as before do the same")
@click.option(
    "--workers", metavar="N", type=click.IntRange(1, 1000), help="Trainings at once on this machine [default: 1]"
)
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler to use instead, such as tls://host:8786")
@click.option("--tls-ca", metavar="FILE", help="The certificate authority of the scheduler (PEM)")
@click.option("--tls-cert", metavar="FILE", help="Your certificate for the scheduler (PEM)")
@click.option("--tls-key", metavar="FILE", help="The key of your certificate (PEM)")
@click.option("--json", "as_json", is_flag=True, help="Print the results as a JSON object")
@click.option("--quiet", is_flag=True, help="Print no progress; failures are still told")
def sweep(
    data: str | None,
    preset: str | None,
    values: tuple[str, ...],
    seeds: int | None,
    sweep_id: str | None,
    workers: int | None,
    scheduler: str | None,
    tls_ca: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train every combination of values with several seeds, and print mean and standard deviation over the seeds.

    Each training is a run as 'fer train' makes it, on this machine or on the workers of a Dask scheduler; all come to
    FER_HOME/runs. If the command is stopped or the machine fails, the same command continues, and what is done isn't
    trained again. If a training fails, the others are done all the same, and the exit code is 1.
    """
    if scheduler and workers:
        raise click.UsageError("Choose --workers or --scheduler: each machine of a scheduler trains one at a time.")
    if sweep_id and (data or preset or values or seeds is not None):
        raise click.UsageError(
            "--resume continues a sweep as it was started; leave out --data, --preset, --set and --seeds."
        )
    # Late: they import numpy and pandas.
    from fer.sweeps.job import find_sweep, open_sweep
    from fer.sweeps.results import results_of_sweep, to_dict
    from fer.sweeps.running import require_all_startable

    files = {"ca": tls_ca, "cert": tls_cert, "key": tls_key}
    # The page may continue the sweep from another folder.
    tls = {name: str(Path(file).absolute()) for name, file in files.items() if file}
    place: dict[str, object] = {
        "workers": workers,
        "scheduler": scheduler,
        "tls": tls,
    }
    if sweep_id:
        job = find_sweep(sweep_id)
        request = _elsewhere(job.read_request(), place)
    else:
        request = _request(data, preset, values, _DEFAULT_SEEDS if seeds is None else seeds, place)
        require_all_startable(_configs(request), request)
        job = open_sweep(request)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    ended = _run(job, request, console, quiet)
    points = results_of_sweep(job)
    if as_json:
        click.echo(json.dumps(to_dict(job, points), indent=2))
    else:
        print_results(points)
    _end(job, points, ended, console, quiet)


def _request(
    data: str | None, preset: str | None, values: tuple[str, ...], seeds: int, place: dict[str, object]
) -> "Request":
    from fer.sweeps.grid import parse_axis, with_absolute
    from fer.sweeps.job import request_for

    chosen = next(one for one in PRESETS if one.key == (preset or "standard"))
    # The preset depends on the data, which have to be found first.
    found, axes = with_absolute(data or "synthetic", [parse_axis(text) for text in values])
    return request_for(chosen.settings(found), axes, seeds, **{name: value for name, value in place.items() if value})


def _elsewhere(request: "Request", place: dict[str, object]) -> "Request":
    """Return a request with the place that the options name, if they name one."""
    changes: dict[str, Any] = {name: value for name, value in place.items() if value}
    if "workers" in changes:
        changes |= {"scheduler": None, "tls": {}}
    return replace(request, **changes)


def _configs(request: "Request") -> "list[TrainConfig]":
    from fer.sweeps.grid import grid

    return [point.configs[0] for point in grid(request.base, request.axes, request.seeds)]


def _run(job: "SweepJob", request: "Request", console: Console, quiet: bool) -> bool:
    """Run the sweep, tell its progress, and return whether it came to its end."""
    from fer.sweeps.running import run_sweep

    if not quiet:
        console.print(f"Sweep {job.id}: {request.trainings} trainings")
    told = _Progress(console, quiet)
    try:
        with told.bar:
            return run_sweep(job, request, told)
    except KeyboardInterrupt:
        console.print(
            f"Stopped: {told.so_far}. What is running stops after its step. Run the same command again to continue."
        )
        sys.exit(_INTERRUPTED)


class _Progress:
    """Tells progress and failures on standard error."""

    def __init__(self, console: Console, quiet: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn())
        self._console, self._quiet = console, quiet
        self.bar = Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal)
        self._task = self.bar.add_task("Starting", total=1.0)
        self.so_far = "nothing done yet"

    def __call__(self, told: "Told") -> None:
        """Show how far the sweep is, and which trainings have ended."""
        self.so_far = told.text
        self.bar.update(self._task, description=told.text, completed=told.share)
        for outcome in told.ended:
            name = plain(outcome.training.name)
            if outcome.failure is not None:
                word = "Stopped: " if outcome.stopped else "Failed: "
                self._console.print(Text.assemble(word, name, ": ", plain(outcome.failure)))
            elif not self._quiet:
                self._console.print(Text.assemble("Done: ", name))


def print_results(points: "Sequence[PointResult]") -> None:
    """Print the table of a sweep, and what its numbers are."""
    from fer.sweeps.results import caption, cells

    rows = [cells(point) for point in points]
    if not rows:
        return
    table = Table(*[heading.lower() for heading in rows[0]])
    for row in rows:
        table.add_row(*map(plain, row.values()))
    # Piped, a table needs more than the 80 columns that a terminal is taken for.
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table)
    if text := caption(points):
        click.echo(text)


def _end(job: "SweepJob", points: "Sequence[PointResult]", ended: bool, console: Console, quiet: bool) -> None:
    from fer.sweeps.results import in_words

    if not quiet:
        console.print(f"{in_words(points)}. Continue with --resume {job.id}." if not ended else in_words(points))
    if not ended or any(point.failures for point in points):
        sys.exit(1)
