"""Attack the program with malicious inputs, and print the outcomes.

    python -m scripts.attack [KIND ...] [--count 200] [--seed 0]

Each kind runs in its own process, with a limit on memory and on the time of each input. An input is accepted,
refused in a sentence, or a finding: another exception, a process that died, too much time or memory. Any finding makes
the exit code 1, and the same seed reproduces the inputs.
"""

import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import click
from rich.console import Console
from rich.table import Table

from fer.paths import CHECKOUT

ACCEPTED, REFUSED, FINDING = "accepted", "refused", "finding"
NAMES: Final = ("pictures", "archives", "models", "state")
_MEMORY_BYTES: Final = 6 << 30
_START_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 0.05
_WORKER: Final = (sys.executable, "-m", "scripts.attack", "--work")


@dataclass
class Outcome:
    """The outcomes of one kind of input: how many of each, and the findings by description."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    slowest: float = 0.0

    def add(self, outcome: str, name: str, text: str, seconds: float) -> None:
        """Count one input."""
        self.counts[outcome] += 1
        self.slowest = max(self.slowest, seconds)
        if outcome == FINDING:
            self.findings.append(f"{name}: {text}")


def attack(kind: str, count: int, seed: int, limit_seconds: float | None = None) -> Outcome:
    """Run the first `count` inputs of a kind. One that kills or blocks its process is a finding; the rest continues."""
    outcome, done = Outcome(), 0
    start = time.monotonic()
    while done < count:
        done = _run_from(kind, done, count, seed, limit_seconds, outcome)
    outcome.seconds = time.monotonic() - start
    return outcome


def _run_from(kind: str, first: int, count: int, seed: int, limit: float | None, outcome: Outcome) -> int:
    """Run inputs in a process from number `first` on, until all are done or it ends; return the next number."""
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "log"
        command = [*_WORKER, kind, str(first), str(count), str(seed)]
        environment = {**os.environ, "FER_HOME": str(Path(place) / "deep" / "home")}
        with log.open("wb") as sink:
            process = subprocess.Popen(
                command, cwd=CHECKOUT, env=environment, stdout=sink, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
            )
        try:
            return _watch(process, log, first, count, limit, outcome)
        finally:
            process.kill()
            process.wait()


def _watch(
    process: subprocess.Popen[bytes], log: Path, first: int, count: int, limit: float | None, outcome: Outcome
) -> int:
    number, name, seconds, since = first, "the start", limit or _START_SECONDS, time.monotonic()
    with log.open(encoding="utf-8") as stream:
        for line in _lines(stream, process):
            now = time.monotonic()
            if line is None:
                if now - since > seconds:
                    outcome.add(FINDING, name, f"no answer after {seconds:.0f} s", now - since)
                    return number + 1
                continue
            if line["event"] == "begin":
                name, seconds = line["name"], limit or line["seconds"]
            else:
                outcome.add(line["outcome"], name, line["text"], now - since)
                number += 1
            since = now
    if number < count:
        outcome.add(FINDING, name, f"the process ended with {process.wait()}", 0.0)
        number += 1
    return number


def _lines(stream: IO[str], process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any] | None]:
    """Yield the whole lines of a growing log, None while there is none, until the process has ended."""
    part = ""
    while True:
        ended = process.poll() is not None
        part += stream.readline()
        if part.endswith("\n"):
            yield json.loads(part)
            part = ""
        elif ended:
            return
        else:
            time.sleep(_POLL_SECONDS)
            yield None


def work(kind: str, first: int, count: int, seed: int) -> None:
    """Run inputs in this process, and report on standard output which one begins and its outcome."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    from fer.errors import FerError
    from scripts.attacks import KINDS  # the corpus imports much, and only this process needs it

    chosen = KINDS[kind]
    for item in itertools.islice(chosen.make(random.Random(seed)), first, count):
        _say(event="begin", name=ascii(item.name)[1:-1][:200], seconds=chosen.seconds)
        try:
            chosen.run(item)
        except FerError as error:
            one_line = "\n" not in str(error) and str(error).strip() != ""
            _say(event="end", outcome=REFUSED if one_line else FINDING, text=ascii(str(error))[:300])
        except Exception as error:
            _say(event="end", outcome=FINDING, text=ascii(f"{type(error).__name__}: {error}")[:300])
        else:
            _say(event="end", outcome=ACCEPTED, text="")


def _say(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


@click.command(help=__doc__)
@click.argument("kinds", nargs=-1, type=click.Choice(NAMES))
@click.option("--count", default=200, show_default=True, help="Inputs of each kind")
@click.option("--seed", default=0, show_default=True, help="Decides the mutations")
def main(kinds: tuple[str, ...], count: int, seed: int) -> None:
    """Run the attacks and print a table."""
    table = Table("kind", "inputs", ACCEPTED, REFUSED, "findings", "seconds", "slowest")
    findings: list[str] = []
    for kind in kinds or NAMES:
        outcome = attack(kind, count, seed)
        findings += [f"{kind}: {finding}" for finding in outcome.findings]
        counts = [outcome.counts[name] for name in (ACCEPTED, REFUSED, FINDING)]
        times = (f"{outcome.seconds:.0f}", f"{outcome.slowest:.1f}")
        table.add_row(kind, str(sum(counts)), *map(str, counts), *times)
    Console().print(table)
    for finding in findings:
        click.echo(f"finding: {finding}")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2], *map(int, sys.argv[3:]))
    else:
        main()
