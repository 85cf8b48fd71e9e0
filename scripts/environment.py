"""The environment of the project's commands: make .venv, install what a command needs, and run programs in it.

It needs nothing but Python, because it runs before anything is installed.
"""

from __future__ import annotations  # an old Python must reach the sentence that names the version needed

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST = (3, 11)
# TensorFlow has no package for newer ones.
NEWEST = (3, 13)
BROWSERS = ("chromium", "google-chrome", "chrome", "msedge")
# What each kind of work needs. The first one is part of every other.
REQUIREMENTS = {
    "app": ("requirements.txt", "requirements-training.txt"),
    "dev": ("requirements-dev.txt",),
    "docs": ("requirements-docs.txt",),
    "supply": ("requirements-supply.txt",),
}


class CommandError(Exception):
    """The command can't continue. The message says what to do. It is empty if a tool has said it already."""


def python_of(venv: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def ensure_venv(venv: Path = VENV) -> None:
    """Make the virtual environment, unless there is one.

    Raises:
        CommandError: this Python is too old, too new or lacks the module `venv`, or .venv is a link to nothing.
    """
    if python_of(venv).exists():
        return
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        oldest, newest = (".".join(map(str, version)) for version in (OLDEST, NEWEST))
        how = f"py -{newest}" if os.name == "nt" else f"python{newest}"
        raise CommandError(
            f"Python {oldest} to {newest} is needed. This is {sys.version.split()[0]}; install {newest}, then type: "
            f"{how} scripts/run.py and the command."
        )
    if venv.is_symlink() and not venv.exists():
        raise CommandError(
            f"{venv} is a link to a missing folder. Delete it (rm '{venv}'), then type the command again."
        )
    ensure_venv_module()
    call(sys.executable, "-m", "venv", str(venv))


def ensure_venv_module() -> None:
    """Install Debian's package of the module `venv` if it is missing. Other systems include it in Python.

    Raises:
        CommandError: it is missing, and this user may not install it.
    """
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        package = f"python{sysconfig.get_python_version()}-venv"
        if not apt_install(package):
            raise CommandError(f"Python's module 'venv' is missing. Type: sudo apt-get install {package}") from error


def ensure_installed(*kinds: str) -> None:
    """Install the requirements of some kinds of work, unless their files are unchanged since the last time."""
    ensure_venv()
    for kind in kinds:
        files = REQUIREMENTS[kind]
        stamp = VENV / f".installed-{kind}"
        wanted = digest(*files, "constraints.txt")
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
            continue
        print(f"Installing {files[0]} into .venv. The first time takes a few minutes ...", flush=True)
        pip = (python_of(VENV), "-m", "pip", "install", "--disable-pip-version-check", "--quiet")
        call(*pip, "-r", files[0], "-c", "constraints.txt")
        stamp.write_text(wanted, encoding="utf-8")


def digest(*files: str) -> str:
    """Return a digest of the contents of some files in the project's folder."""
    content = b"\0".join((ROOT / file).read_bytes() for file in files)
    return hashlib.sha256(content).hexdigest()


def ensure_browser() -> None:
    """Make sure that the browser tests find a Chromium, unless SKIP_BROWSER=1 leaves them out.

    Raises:
        CommandError: there is none, and this user may not install one.
    """
    if os.environ.get("SKIP_BROWSER") == "1":
        print("SKIP_BROWSER=1: the browser tests are left out.")
    elif not any(map(shutil.which, BROWSERS)) and not apt_install("chromium"):
        raise CommandError(
            "The browser tests need Chromium or Chrome on the PATH. On Debian type: sudo apt-get install chromium. "
            "To leave these tests out, set SKIP_BROWSER=1."
        )


def apt_install(package: str) -> bool:
    """Install a Debian package if this user may, and return whether that worked."""
    apt = shutil.which("apt-get")
    if apt is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    print(f"Installing {package} ...", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = ([apt, "update", "-qq"], [apt, "install", "-y", "-qq", "--no-install-recommends", package])
    return all(subprocess.run(command, env=quiet, check=False).returncode == 0 for command in commands)


def call(*command: str | Path) -> None:
    """Run a command in the project's folder, with the environment's programs first on the PATH.

    Raises:
        CommandError: it failed.
    """
    path = os.pathsep.join([str(python_of(VENV).parent), os.environ.get("PATH", "")])
    done = subprocess.run([str(word) for word in command], cwd=ROOT, env={**os.environ, "PATH": path}, check=False)
    if done.returncode:
        raise CommandError("")


def python(*arguments: str | Path) -> None:
    """Run the environment's Python."""
    call(python_of(VENV), *arguments)


def tool(name: str, *arguments: str) -> None:
    """Run a program that is installed in the environment."""
    call(python_of(VENV).with_name(name + (".exe" if os.name == "nt" else "")), *arguments)


def pytest(*arguments: str) -> None:
    """Run pytest in the environment."""
    python("-m", "pytest", *arguments)


def passes(*arguments: str) -> bool:
    """Run pytest in the environment and return whether all tests passed."""
    try:
        pytest(*arguments)
    except CommandError:
        return False
    return True
