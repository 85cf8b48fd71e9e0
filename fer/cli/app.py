"""`python -m fer app`: open the dashboard from any folder."""

import errno
import ipaddress
import os
import re
import runpy
import socket
import sys
from typing import Final

import click

from fer.errors import FerError
from fer.paths import PROGRAM

_OWN_NAMES: Final = ("localhost", "127.0.0.1", "::1")
_ANY_ADDRESS: Final = ("0.0.0.0", "::")
# A name, or a pattern for all names below one.
_NAME: Final = re.compile(r"\*|(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?", re.I)


def _names(_: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Return names without the brackets of an IPv6 address.

    Raises:
        click.BadParameter: no browser could ask for the app under a name.
    """
    names = tuple(name.strip().removeprefix("[").removesuffix("]") for name in given)
    for name, text in zip(names, given, strict=True):
        if not _NAME.fullmatch(name) and not _is_address(name):
            raise click.BadParameter(
                f"{text!r:.100} isn't a host name; expected one such as fer.example.org, *.example.org or 10.0.0.5, "
                "without http:// and port."
            )
    return names


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8501, show_default=True, help="Port of the dashboard")
@click.option(
    "--address",
    metavar="ADDRESS",
    help="Network address to listen on; 0.0.0.0 lets other machines in  [default: 127.0.0.1, this machine only]",
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    callback=_names,
    help="Further name or address under which browsers open the dashboard, such as fer.example.org; may be repeated",
)
@click.option("--no-browser", is_flag=True, help="Don't open a browser")
@click.option(
    "--drain",
    type=click.IntRange(0),
    metavar="SECONDS",
    help="When the dashboard is told to end (SIGTERM), let its visitors finish, for at most this long; only with two "
    "or more replicas  "
    "[default: FER_DRAIN_SECONDS, else 0]",
)
def app(port: int, address: str | None, hosts: tuple[str, ...], no_browser: bool, drain: int | None) -> None:
    """Open the dashboard in a browser; Ctrl-C ends it."""
    script = PROGRAM / "app.py"
    if not script.is_file():
        raise FerError(f"The dashboard's file '{script}' is missing; install fer-dashboard again.")
    require_free(port, address or "127.0.0.1")
    command = ["streamlit", "run", str(script), f"--server.port={port}"]
    if address:
        command.append(f"--server.address={address}")
    names = [*hosts, *([address] if address and address not in _ANY_ADDRESS else [])]
    if names:
        # The option replaces the list of .streamlit/config.toml.
        command += [f"--server.allowedHosts={name}" for name in (*_OWN_NAMES, *names)]
        # What Streamlit opens and prints. A pattern such as '*.example.org' is no address that a browser can open.
        shown = next((name for name in names if "*" not in name), None)
        command += [f"--browser.serverAddress={f'[{shown}]' if ':' in shown else shown}"] if shown else []
    for name in names:
        if "*" in name:
            whom = "every name" if name == "*" else f"every name that ends in {name[1:]}"
            click.echo(f"The dashboard answers under {whom}, too; use the one that leads to this machine.")
    if drain is not None:
        os.environ["FER_DRAIN_SECONDS"] = str(drain)
    if no_browser:
        command.append("--server.headless=true")
    # Streamlit reads the .streamlit folder next to the script, so its settings hold from any folder. It runs in this
    # process: whoever ends this command ends the server too.
    sys.argv = command
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


def require_free(port: int, address: str) -> None:
    """Check that no other program uses a port.

    Raises:
        FerError: another program uses it.
    """
    try:
        socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET).close()
    except OSError as error:
        # Streamlit reports everything else, such as an address that this machine doesn't have.
        if error.errno == errno.EADDRINUSE:
            raise FerError(
                f"Port {port} is in use, perhaps by another dashboard. End it, or choose another port, such as "
                f"--port {port % 65535 + 1} (with make: PORT={port % 65535 + 1})."
            ) from error
