"""Write the output of commands: files or standard output, and untrusted text on a terminal."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

import click
from rich.text import Text

from fer.errors import FerError
from fer.text import printable

STDOUT: Final = "-"
# What an option names: nothing, a file or folder, or several.
Target = TypeVar("Target", str | None, Path | None, tuple[str, ...])

DETECTOR_HELP: Final = "Face detector [default: yunet, or haar if yunet's file is missing]"
LABELS_HELP: Final = (
    "The order of classes that are numbers: fer2013, ferplus, affectnet, rafdb, ckplus, cohnkanade, or "
    '"0=neutral,1=happy,..."'
)


def plain(text: str) -> Text:
    """Return text that can't control the terminal and isn't read as rich's markup; a narrow column folds it."""
    return Text(printable(text), overflow="fold")


def not_an_option(ctx: click.Context, param: click.Parameter, value: Target) -> Target:
    """Return the file or folder of an option to write to, as the option's callback.

    Raises:
        click.UsageError: it was left out, and the next option was taken for it.
    """
    for name in value if isinstance(value, tuple) else (value,):
        if str(name).startswith("--"):
            what = "folder" if param.metavar == "DIR" else "file"
            raise click.UsageError(
                f"{param.opts[0]} needs a {what}, and '{printable(str(name))}' is an option; name the {what} between "
                f"them.",
                ctx,
            )
    return value


def check_targets(files: Mapping[str, str | None]) -> None:
    """Refuse files before the work that couldn't be written after it; None and '-' are fine.

    Args:
        files: the file of each option.

    Raises:
        click.UsageError: two options name the same file.
        FerError: as `check_target`.
    """
    options: dict[str, str] = {}
    for option, file in files.items():
        if not file:
            continue
        other = options.setdefault(os.path.realpath(file), option)
        if other != option:
            place = "Standard output" if file == STDOUT else f"'{file}'"
            raise click.UsageError(
                f"{place} can hold {other} or {option}, not both; name another file for one of them."
            )
        check_target(file)


def make_folder(folder: Path) -> None:
    """Make the folder that an option names, unless it exists.

    Raises:
        FerError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(folder, error) from error


def not_writable(target: str | Path, error: OSError) -> FerError:
    """Return the error that says why something can't be written there, and what to do."""
    return FerError(f"'{target}' cannot be written ({error.strerror}); choose another place.")


def check_target(file: str | None) -> None:
    """Refuse files before the work that couldn't be written after it; None and '-' are fine.

    Raises:
        FerError: the file is a folder, lies in none, or may not be written.
    """
    if file is None or file == STDOUT:
        return
    path = Path(file)
    try:
        if path.is_dir():
            raise FerError(f"'{file}' is a folder; name a file in it.")
        if not path.parent.is_dir():
            raise FerError(
                f"'{file}' cannot be written: there is no folder '{path.parent}'; make it or choose another."
            )
        writable = os.access(path if path.exists() else path.parent, os.W_OK)
    except OSError as error:  # a folder that may not be entered, a name that is too long
        raise not_writable(file, error) from error
    if not writable:
        raise not_writable(file, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def write_target(data: bytes, target: str) -> None:
    """Write to a file, or to standard output if the target is '-'.

    Raises:
        FerError: it cannot be written.
    """
    if target == STDOUT:
        click.echo(data, nl=False)
        return
    try:
        Path(target).write_bytes(data)
    except OSError as error:
        raise not_writable(target, error) from error


def confirm_deletion(what: str) -> None:
    """Ask whether to delete something, and end the command unless the answer is yes.

    Raises:
        click.UsageError: there is no answer, as in a script.
        click.Abort: the answer is no.
    """
    try:
        wanted = click.confirm(f"Delete {what} permanently?", err=True)
    except click.Abort as abort:
        raise click.UsageError("Nothing was deleted, because there was no answer; add --yes.") from abort
    if not wanted:
        raise click.Abort
