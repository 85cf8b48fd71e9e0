"""Watch a Python process and its children: put this folder on PYTHONPATH, and name a log in WATCH_LOG.

Every look-up of a name, and every connection or packet, that isn't for this machine is written to the log and refused.
So is every file or folder that is created, without being refused. It sees what Python does; strace sees the rest.
"""

import ipaddress
import json
import os
import sys

_OWN_NAMES = (None, "", b"", "localhost", b"localhost")
_own_addresses = set(os.environ.get("WATCH_OWN", "").split())
_log = os.open(os.environ["WATCH_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _is_own(host: object) -> bool:
    if host in _OWN_NAMES:
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified or text in _own_addresses


def _write(kind: str, what: object) -> None:
    line = json.dumps({"kind": kind, "what": str(what), "program": " ".join(sys.orig_argv[1:5])})
    os.write(_log, line.encode("utf-8", "backslashreplace") + b"\n")


def _watch(event: str, arguments: tuple) -> None:
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        # A socket in the file system has a text as address, and a packet of a connected socket has none.
        host = arguments[1][0] if isinstance(arguments[1], tuple) else None
    elif event == "open":
        path, _, flags = arguments
        if isinstance(path, (str, bytes)) and isinstance(flags, int) and flags & os.O_CREAT:
            _write("file", os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 (pathlib is not to be imported here)
        return
    elif event == "os.mkdir":
        _write("file", os.path.abspath(os.fsdecode(arguments[0])))  # noqa: PTH100
        return
    else:
        return
    if not _is_own(host):
        _write("network", f"{event} {host!r}")
        raise OSError(101, f"watched: {event} {host!r}")


sys.addaudithook(_watch)
_write("started", os.getpid())
