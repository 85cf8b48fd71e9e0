"""Who did what, and who made what: files under `FER_HOME/access`, shared by all replicas of the app.

They hold names of people, runs and datasets, and no pictures.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from fer import paths
from fer.storage.files import write_json
from fer.storage.schema import Text, fitting, read_object
from fer.storage.values import ValuesError
from fer.text import MB

_log = logging.getLogger(__name__)

# Two files of this size: about 10,000 entries.
_LOG_BYTES: Final = MB
_LOCK_SECONDS: Final = 5


def audit_file() -> Path:
    """Return the log: a JSON object per line, the newest last. The file before it is 'audit.1.jsonl'."""
    return _folder() / "audit.jsonl"


def _folder() -> Path:
    return paths.home() / "access"


def write_entry(who: str, role: str, action: str, kind: str, name: str) -> None:
    """Add an entry to the log. If that fails, the action isn't undone; the app's own log tells of it.

    Args:
        who: address or name of the person.
        role: the person's role.
        action: 'started', 'stopped', 'deleted', 'promoted', ...
        kind: 'run', 'dataset', 'model', 'evaluation', ...
        name: which one.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    entry = {"time": now, "who": who, "role": role, "action": action, "kind": kind, "name": name}
    line = json.dumps({key: text[:200] for key, text in entry.items()}) + "\n"
    try:
        with _locked():
            file = audit_file()
            if file.exists() and file.stat().st_size + len(line) > _LOG_BYTES:
                file.replace(file.with_name("audit.1.jsonl"))
            with file.open("a", encoding="ascii") as stream:
                stream.write(line)
    except (OSError, Timeout):
        _log.exception("This entry of the audit log couldn't be written: %s", line.strip())


def owner_of(kind: str, name: str) -> str | None:
    """Return the id of the person who made something, or None if nobody is known."""
    return _owners().get(f"{kind} {name}")


def set_owner(kind: str, name: str, person_id: str | None) -> None:
    """Remember who made something; None forgets it."""
    try:
        with _locked():
            owners = _owners()
            owners.pop(f"{kind} {name}", None)
            if person_id is not None:
                owners[f"{kind} {name}"] = person_id
            write_json(_owners_file(), owners)
    except (OSError, Timeout):
        _log.exception("The owner of the %s '%s' couldn't be stored", kind, name)


def _owners_file() -> Path:
    return _folder() / "owners.json"


def _owners() -> dict[str, str]:
    try:
        return dict(fitting(read_object(_owners_file()), dict[Text, Text]))
    except FileNotFoundError:
        return {}
    except ValuesError:
        # Without owners, only admins may delete: the safe side.
        _log.warning("%s is damaged, so only admins can delete. Delete the file to start anew.", _owners_file())
        return {}


@contextmanager
def _locked() -> Iterator[None]:
    _folder().mkdir(parents=True, exist_ok=True)
    with FileLock(_folder() / "lock", timeout=_LOCK_SECONDS):
        yield
