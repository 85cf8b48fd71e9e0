"""The files of a run's folder: their names, and writing them so that a reader never sees half of one."""

import json
import os
import re
import secrets
import shutil
from pathlib import Path
from typing import Any, Final

from fer import paths
from fer.errors import RunError

CONFIG: Final = "config.json"
METRICS: Final = "metrics.csv"
PROGRESS: Final = "progress.json"
NOTES: Final = "notes.json"
BEST: Final = "best.json"
LOG: Final = "log.txt"
REPORT: Final = "report.json"
CHECKPOINTS: Final = "checkpoints"
BUNDLE: Final = "bundle"
# Held for as long as the run lives; who holds it says process.json.
LOCK: Final = "lock"
PROCESS: Final = "process.json"
STOP: Final = "stop"

PART: Final = ".part"
_RUN_ID: Final = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


def is_run_id(name: str) -> bool:
    """Whether a name is that of a run's folder, such as '20260131-235959-0a1b'."""
    return _RUN_ID.fullmatch(name) is not None


def run_folder(run_id: str) -> Path:
    """The folder of a run.

    Raises:
        RunError: there is no run of this name.
    """
    folder = paths.runs_dir() / run_id
    if not is_run_id(run_id) or not folder.is_dir():
        raise RunError(f"There is no run '{run_id}'; `python -m fer runs` lists them.")
    return folder


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Replace a file as a whole: a reader sees the old text or the new one.

    Args:
        path: the file.
        text: its new content.
        durable: wait until the disk has it, so that it survives a power cut.

    Raises:
        OSError: it cannot be written; the old file stays and nothing else is left.
    """
    # Two tabs may write the same notes at once: each has a part of its own.
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}{PART}")
    try:
        with part.open("x", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_json(path: Path, values: Any, *, durable: bool = False) -> None:
    """Replace a file by JSON, as `write_text` does."""
    write_text(path, json.dumps(values, indent=1) + "\n", durable=durable)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; {} where the file is missing or holds none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


Signature = tuple[int, int]


def signature(file: Path) -> Signature | None:
    """What tells a file from the one that replaces it, without reading it; None where there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    # Every change replaces the file, and so gives it another inode.
    return status.st_mtime_ns, status.st_ino


def remove_parts(folder: Path) -> None:
    """Remove the files and folders that a writer that was killed left half written."""
    for part in folder.glob(f".*{PART}"):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def replace_folder(part: Path, target: Path) -> None:
    """Put a finished folder in place of another; what is read of the old one meanwhile stays readable or is gone.

    Killed in between, it leaves the old folder beside, and `restore_folder` brings it back.
    """
    old = _old(target)
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    part.rename(target)
    sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def restore_folder(target: Path) -> None:
    """Bring back what `replace_folder` had moved away when it was killed."""
    old = _old(target)
    if old.is_dir() and not target.exists():
        old.rename(target)


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def sync_folder(folder: Path) -> None:
    """Wait until the disk has a folder's entries: a rename survives a power cut only then."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def disk_use(folder: Path) -> int:
    """Bytes of the files below a folder; a file that goes away meanwhile counts 0."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).lstat().st_size
            except OSError:
                continue
    return total
