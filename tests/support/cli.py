"""Run commands of the command line in this process."""

from functools import partial
from typing import Protocol

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
