"""Run commands of the command line in this process."""

import json
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from click.testing import CliRunner, Result

from fer.cli import main


class Command(Protocol):
    """A command, with further arguments."""

    def __call__(self, *arguments: object, answer: str = "") -> Result: ...


def invoke(*arguments: object, answer: str = "") -> Result:
    """Run `fer ARGUMENTS` with an answer to its question. An exception that isn't an exit code fails the test."""
    result = CliRunner().invoke(main, [*map(str, arguments)], input=answer)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def command(*words: object) -> Command:
    """Return a function that runs `fer WORDS` with its arguments."""
    return partial(invoke, *words)


def parsed(result: Result) -> dict[str, dict[str, Any]]:
    """Return what `fer analyze --json -` says of each file, by its name, and fail if anything else was printed."""
    entries = json.loads(result.stdout)["files"]
    assert len({entry["file"] for entry in entries}) == len(entries)
    return {Path(entry["file"]).name: entry for entry in entries}


def evaluate(*arguments: object) -> Result:
    """Run `fer evaluate ARGUMENTS`."""
    return invoke("evaluate", *arguments)


def metrics(*arguments: object) -> dict[str, Any]:
    """Return what `fer evaluate ARGUMENTS --json -` prints."""
    result = evaluate(*arguments, "--json", "-")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found
