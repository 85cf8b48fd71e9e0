"""The command line: one module per command, imported when the command is used.

Lazy imports keep `analyze` free of what only `train` or `evaluate` needs, above all TensorFlow.
"""

import importlib
import io
import sys
from typing import Any, Final

import click

from fer import __version__
from fer.errors import FerError
from fer.paths import keep_fonts_at_home
from fer.text import printable

_COMMANDS: Final[dict[str, str]] = {
    "app": "fer.cli.app:app",
    "analyze": "fer.cli.analyze:analyze",
    "video": "fer.cli.video:video",
    "batch": "fer.cli.batch:batch",
    "train": "fer.cli.train:train",
    "sweep": "fer.cli.sweep:sweep",
    "runs": "fer.cli.runs:runs",
    "evaluate": "fer.cli.evaluate:evaluate",
    "data": "fer.cli.data:data",
    "doctor": "fer.cli.doctor:doctor",
}


class _LazyGroup(click.Group):
    """Import a command's module when it is used, and print a `FerError` as one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FerError as error:
            click.echo(f"Error: {printable(str(error))}", err=True)
            sys.exit(1)


@click.command(cls=_LazyGroup)
@click.version_option(__version__, prog_name="fer")
def main() -> None:
    """Facial expression recognition: dashboard, photos, videos, training, evaluation and data."""
    keep_fonts_at_home()
    for stream in (sys.stdout, sys.stderr):
        # On Windows, a pipe or a file takes the characters of one region, and a name may have others.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
