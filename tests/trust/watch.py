"""Read what watched processes did from the logs of `watched/sitecustomize.py` and of strace."""

import ipaddress
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STRACE: Final = ("strace", "-f", "--seccomp-bpf", "-qq", "-s", "300", "-e", "signal=none")
CALLS: Final = "trace=connect,sendto,sendmsg,sendmmsg,open,openat,creat,mkdir,mkdirat"
_DNS_PORT: Final = 53
_ADDRESS: Final = re.compile(
    r'sin6?_port=htons\((?P<port>\d+)\).*?(?:inet_addr\("(?P<v4>[^"]+)"\)|inet_pton\(AF_INET6, "(?P<v6>[^"]+)")'
)
_CREATED: Final = re.compile(
    r'\b(?:open|openat)\((?:AT_FDCWD|\d+)?,? ?"(?P<opened>[^"]*)", [^)]*(?:O_CREAT|O_TMPFILE)'
    r'|\b(?:creat|mkdir)\("(?P<made>[^"]*)"|\bmkdirat\((?:AT_FDCWD|\d+), "(?P<made_at>[^"]*)"'
)


@dataclass(frozen=True)
class Seen:
    """Everything that was recorded.

    Attributes:
        network: every name and address that isn't this machine's.
        files: every path that was created, absolute.
        programs: the watched Python processes, by the beginning of their command.
    """

    network: frozenset[str]
    files: frozenset[str]
    programs: frozenset[str] = frozenset()


def watched(log: Path, own: Iterable[str]) -> dict[str, str]:
    """Return the variables that make Python watch itself and its children."""
    folder = Path(__file__).with_name("watched")
    return {"PYTHONPATH": str(folder), "WATCH_LOG": str(log), "WATCH_OWN": " ".join(own)}


def read_watch_log(log: Path) -> Seen:
    """Return what Python's hooks recorded."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    kinds = {kind: frozenset(line["what"] for line in lines if line["kind"] == kind) for kind in ("network", "file")}
    programs = frozenset(line["program"] for line in lines if line["kind"] == "started")
    return Seen(kinds["network"], kinds["file"], programs)


def read_strace(log: Path, folder: Path, own: Iterable[str]) -> Seen:
    """Return what strace recorded; relative paths begin at `folder`, and `own` are this machine's addresses."""
    own_addresses = frozenset(own)
    network: set[str] = set()
    files: set[str] = set()
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            network.update(_foreign(line, own_addresses))
            files.update(os.path.normpath(folder / path) for path in _created(line))
    return Seen(frozenset(network), frozenset(files))


def _foreign(line: str, own: frozenset[str]) -> Iterator[str]:
    if not re.search(r"\b(connect|sendto|sendmsg|sendmmsg)\(", line):
        return
    for found in _ADDRESS.finditer(line):
        text = found["v4"] or found["v6"]
        address = ipaddress.ip_address(text)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        is_own = address.is_loopback or address.is_unspecified or str(address) in own
        # A name looked up by a server on this machine counts, too.
        if not is_own or int(found["port"]) == _DNS_PORT:
            yield f"{text} port {found['port']}"


def _created(line: str) -> Iterator[str]:
    found = _CREATED.search(line)
    if found is None or re.search(r"= -1 E", line):
        return
    yield found["opened"] or found["made"] or found["made_at"] or ""


def outside(files: Iterable[str], *roots: Path) -> list[str]:
    """Return the paths that are in none of the folders and aren't devices."""
    inside = tuple(f"{root}{os.sep}" for root in (Path("/dev"), Path("/proc"), *roots))
    return sorted(path for path in files if not f"{path}{os.sep}".startswith(inside))
