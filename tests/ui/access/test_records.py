"""The audit log and the owners: bounded, shared, and on the safe side where a file is damaged."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fer.paths import CHECKOUT
from fer.ui.access import records

# Writes 120 entries of 124 bytes. The first file is full after 145 of both writers.
WRITE = """
import sys
from fer.ui.access import records
records._LOG_BYTES = 18_000
for number in range(120):
    records.write_entry(sys.argv[1], "admin", "started", "run", f"{sys.argv[1]} {number}")
    records.set_owner("run", f"{sys.argv[1]} {number}", sys.argv[1])
"""


def entries(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text(encoding="ascii").splitlines()]


def test_an_entry_says_who_did_what(fer_home: Path) -> None:
    records.write_entry("ada@example.org", "admin", "deleted", "run", "my run\nwith a line")
    (entry,) = entries(records.audit_file())
    assert entry.pop("time").startswith("20")
    assert entry == {
        "who": "ada@example.org",
        "role": "admin",
        "action": "deleted",
        "kind": "run",
        "name": "my run\nwith a line",
    }
    assert records.audit_file().is_relative_to(fer_home)


def test_the_log_keeps_its_newest_entries_in_two_files_of_bounded_size(
    fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_LOG_BYTES", 1000)
    for number in range(50):
        records.write_entry("ada", "admin", "started", "run", str(number))
    old = records.audit_file().with_name("audit.1.jsonl")
    names = [entry["name"] for entry in entries(old) + entries(records.audit_file())]
    assert names == [str(number) for number in range(50 - len(names), 50)] and len(names) > 5
    assert old.stat().st_size <= 1000 and records.audit_file().stat().st_size <= 1000
    assert {path.name for path in old.parent.iterdir()} <= {"audit.jsonl", "audit.1.jsonl", "lock"}


def test_a_long_name_is_cut(fer_home: Path) -> None:
    records.write_entry("a" * 9000, "admin", "started", "run", "b" * 9000)
    (entry,) = entries(records.audit_file())
    assert len(entry["who"]) == len(entry["name"]) == 200


def test_a_log_that_cannot_be_written_stops_nobody(
    fer_home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (fer_home / "access").write_text("a file where the folder should be")
    records.write_entry("ada", "admin", "started", "run", "7")
    assert "audit log" in caplog.text and '"name": "7"' in caplog.text


def test_owners(fer_home: Path) -> None:
    assert records.owner_of("run", "a") is None
    records.set_owner("run", "a", "issuer 1")
    records.set_owner("dataset", "a", "issuer 2")
    assert (records.owner_of("run", "a"), records.owner_of("dataset", "a")) == ("issuer 1", "issuer 2")
    records.set_owner("run", "a", None)
    assert records.owner_of("run", "a") is None


@pytest.mark.parametrize("text", ["{", "[]", '{"run a": 7}', '{"run a": null}'])
def test_a_damaged_file_makes_nobody_an_owner(fer_home: Path, text: str) -> None:
    records.set_owner("run", "a", "issuer 1")
    (fer_home / "access" / "owners.json").write_text(text)
    assert records.owner_of("run", "a") is None


def test_two_replicas_that_write_at_the_same_time_lose_and_tear_nothing(fer_home: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITE, name], cwd=CHECKOUT) for name in ("ada", "eve")]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    old, new = records.audit_file().with_name("audit.1.jsonl"), records.audit_file()
    names = [entry["name"] for entry in entries(old) + entries(new)]
    assert old.stat().st_size > 1000 and new.stat().st_size > 1000, "the file was changed in between"
    for writer in ("ada", "eve"):
        mine = [f"{writer} {number}" for number in range(120)]
        assert [name for name in names if name in mine] == mine
        assert {records.owner_of("run", name) for name in mine} == {writer}
