"""The watch detects what it should. Otherwise a broken watch would look like a quiet program."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trust import watch

CALL_OUT = """
import pathlib, socket, sys
for look in (
    lambda: socket.getaddrinfo("telemetry.example", 443),
    lambda: socket.socket(type=socket.SOCK_DGRAM).connect(("192.0.2.1", 443)),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.2", 53)),
    lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
    lambda: socket.getaddrinfo("localhost", 1),
):
    try:
        look()
    except OSError:
        pass
pathlib.Path(sys.argv[1]).write_text("x")
"""


@pytest.mark.parametrize("in_a_child", [False, True])
def test_pythons_hooks_see_and_refuse_it(tmp_path: Path, in_a_child: bool) -> None:
    log, made = tmp_path / "log", tmp_path / "made"
    command = [sys.executable, "-c", CALL_OUT, str(made)]
    if in_a_child:
        command = [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)", *command]
    subprocess.run(command, env=os.environ | watch.watched(log, []), check=True, timeout=30)
    seen = watch.read_watch_log(log)
    assert seen.network == {
        "socket.getaddrinfo 'telemetry.example'",
        "socket.connect '192.0.2.1'",
        "socket.sendto '192.0.2.2'",
    }
    assert str(made) in seen.files
    assert len(seen.programs) == 1 + in_a_child


def test_the_hooks_allow_this_machines_own_addresses(tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = os.environ | watch.watched(log, ["192.0.2.1", "192.0.2.2"])
    subprocess.run([sys.executable, "-c", CALL_OUT, str(tmp_path / "made")], env=environment, check=False, timeout=30)
    assert watch.read_watch_log(log).network == {"socket.getaddrinfo 'telemetry.example'"}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace isn't installed")
def test_strace_sees_what_pythons_hooks_miss(tmp_path: Path) -> None:
    log, made = tmp_path / "log", tmp_path / "made"
    command = [*watch.STRACE, "-e", watch.CALLS, "-o", str(log), sys.executable, "-c", CALL_OUT, str(made)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if "not permitted" in done.stderr:
        pytest.skip("this user may not trace")
    seen = watch.read_strace(log, tmp_path, [])
    assert {"192.0.2.1 port 443", "192.0.2.2 port 53"} <= seen.network
    assert not any(one.startswith("127.") for one in seen.network)
    assert str(made) in seen.files


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('1 connect(3, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("1.2.3.4")}, 16) = 0', "1.2.3.4"),
        (
            '1 connect(3, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.53")}, 16) = 0',
            "127.0.0.53",
        ),
        ('1 connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0', None),
        (
            '1 sendto(3, "x", 1, 0, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), '
            'inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = 1',
            "2001:db8::1",
        ),
        (
            "1 connect(3, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "
            '"::ffff:1.2.3.4", &sin6_addr), sin6_scope_id=0}, 28 <unfinished ...>',
            "::ffff:1.2.3.4",
        ),
        ('1 connect(3, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT', None),
        ('1 openat(AT_FDCWD, "/etc/hosts", O_RDONLY|O_CLOEXEC) = 3', None),
    ],
)
def test_addresses_in_straces_lines(tmp_path: Path, line: str, found: str | None) -> None:
    log = tmp_path / "log"
    log.write_text(line + "\n")
    network = watch.read_strace(log, tmp_path, []).network
    assert {one.partition(" ")[0] for one in network} == ({found} if found else set())


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ('1 openat(AT_FDCWD, "/a/b", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3', "/a/b"),
        ('1 openat(AT_FDCWD, "/tmp", O_RDWR|O_EXCL|O_TMPFILE, 0600) = 3', "/tmp"),
        ('1 mkdir("made", 0777) = 0', "/here/made"),
        ('1 mkdirat(AT_FDCWD, "/x", 0777 <unfinished ...>', "/x"),
        ('1 openat(AT_FDCWD, "/a/b", O_WRONLY|O_CREAT, 0666) = -1 EACCES (Permission denied)', None),
        ('1 openat(AT_FDCWD, "/a/b", O_RDONLY) = 3', None),
    ],
)
def test_created_files_in_straces_lines(tmp_path: Path, line: str, path: str | None) -> None:
    log = tmp_path / "log"
    log.write_text(line + "\n")
    assert watch.read_strace(log, Path("/here"), []).files == (frozenset([path]) if path else frozenset())


def test_paths_outside_the_folders(tmp_path: Path) -> None:
    paths = [str(tmp_path / "home" / "a"), str(tmp_path / "homely"), "/dev/null", "/etc/x"]
    assert watch.outside(paths, tmp_path / "home") == sorted([str(tmp_path / "homely"), "/etc/x"])
