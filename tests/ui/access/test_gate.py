"""Who may start, stop, resume, change and delete what: one rule for runs, sweeps, videos and batches."""

from pathlib import Path

import pytest

from fer.ui.access import gate, records
from fer.ui.access.gate import Person
from fer.ui.access.settings import Role

KINDS = ("run", "sweep", "video", "batch")
VERBS = {"stopped": "stop", "resumed": "resume", "changed": "change", "deleted": "delete"}


def acting_as(monkeypatch: pytest.MonkeyPatch, name: str, role: Role) -> Person:
    who = Person(name, name, role)
    monkeypatch.setattr(gate, "person", lambda: who)
    return who


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("action", VERBS)
def test_only_its_maker_or_an_admin_touches_somebodys_work(
    kind: str, action: str, fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.set_owner(kind, "one", "ada")
    acting_as(monkeypatch, "ada", Role.TRAINER)
    assert gate.refusal(action, kind, "one") is None
    acting_as(monkeypatch, "bob", Role.TRAINER)
    assert gate.refusal(action, kind, "one") == f"Only an admin, or the person who made it, can {VERBS[action]} this."
    acting_as(monkeypatch, "root", Role.ADMIN)
    assert gate.refusal(action, kind, "one") is None


@pytest.mark.parametrize("kind", KINDS)
def test_what_nobody_is_known_to_have_made_is_for_admins(
    kind: str, fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acting_as(monkeypatch, "bob", Role.TRAINER)
    assert all(gate.refusal(action, kind, "one") for action in VERBS)


@pytest.mark.parametrize("kind", KINDS)
def test_who_may_start_it(kind: str, fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acting_as(monkeypatch, "eve", Role.VIEWER)
    refused = None if kind == "video" else "This needs the role 'trainer'."
    assert gate.refusal("started", kind, "") == refused
    acting_as(monkeypatch, "bob", Role.TRAINER)
    assert gate.refusal("started", kind, "") is None


def test_someone_who_is_no_trainer_any_more_may_not_touch_own_runs(
    fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.set_owner("run", "one", "ada")
    records.set_owner("video", "one", "ada")
    acting_as(monkeypatch, "ada", Role.VIEWER)
    assert gate.refusal("resumed", "run", "one") == "This needs the role 'trainer'."
    assert gate.refusal("deleted", "video", "one") is None


def test_without_login_everybody_may_do_everything(fer_home: Path) -> None:
    assert [gate.refusal(action, kind, "one") for action in VERBS for kind in KINDS] == [None] * 16
