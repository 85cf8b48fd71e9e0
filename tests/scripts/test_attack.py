"""The attack corpus: it counts its inputs, is reproducible, and detects violations."""

import random
import sys
from itertools import islice
from pathlib import Path

import pytest
from click.testing import CliRunner

from fer import paths
from scripts import attack as module
from scripts import attacks
from scripts.attack import ACCEPTED, FINDING, NAMES, REFUSED, attack
from tests.support import state_files

WORKER = """
import json, os, sys, time
first, count = int(sys.argv[2]), int(sys.argv[3])
def say(**values):
    print(json.dumps(values), flush=True)
for number in range(first, count):
    say(event="begin", name=f"input {number}", seconds=60)
    if number == 1:
        os._exit(9)
    if number == 2:
        time.sleep(60)
    say(event="end", outcome=("accepted", "", "", "refused", "finding")[number], text="said")
"""


@pytest.mark.slow
def test_an_input_that_kills_or_blocks_is_a_finding_and_the_rest_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER)
    monkeypatch.setattr(module, "_WORKER", (sys.executable, str(worker)))
    outcome = attack("any", 5, seed=0, limit_seconds=3)
    assert outcome.counts == {ACCEPTED: 1, REFUSED: 1, FINDING: 3}
    assert [text.partition(":")[0] for text in outcome.findings] == ["input 1", "input 2", "input 4"]
    assert "ended with 9" in outcome.findings[0] and "no answer after 3 s" in outcome.findings[1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", NAMES)
def test_the_first_inputs_of_each_kind_give_no_findings(kind: str) -> None:
    outcome = attack(kind, 12, seed=0)
    assert outcome.findings == []
    assert outcome.counts[ACCEPTED] + outcome.counts[REFUSED] == 12


def test_a_finding_makes_the_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    found = module.Outcome()
    found.add(FINDING, "a picture", "it burns", 1.0)
    monkeypatch.setattr(module, "attack", lambda kind, count, seed: found)
    done = CliRunner().invoke(module.main, ["pictures"])
    assert done.exit_code == 1 and "finding: pictures: a picture: it burns" in done.output
    monkeypatch.setattr(module, "attack", lambda kind, count, seed: module.Outcome())
    assert CliRunner().invoke(module.main, ["pictures"]).exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", NAMES)
def test_a_seed_reproduces_the_inputs(
    fer_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    assert set(NAMES) == set(attacks.KINDS)

    def made(seed: int) -> list[tuple[str, int]]:
        monkeypatch.setenv("FER_HOME", str(tmp_path / f"{kind}{len(list(tmp_path.iterdir()))}"))
        paths.home().mkdir()
        items = attacks.KINDS[kind].make(random.Random(seed))
        # State files begin with values that no seed changes.
        chosen = (item for item in items if item.name.rpartition(" | ")[2] not in state_files.RAW)
        return [(item.name, len(item.data)) for item in islice(chosen, 70)]

    assert made(1) == made(1) != made(2)


def test_an_import_that_writes_elsewhere_is_a_finding(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def escape(*_: object, **__: object) -> None:
        (paths.home() / "escaped.png").touch()
        raise ValueError

    monkeypatch.setattr(attacks, "import_uploads", escape)
    with pytest.raises(attacks.Leak, match="outside"):
        attacks.import_dataset("x.zip", b"")
