"""The end of a run is announced once, and only to viewers who saw it active."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from streamlit.testing.v1 import AppTest

from fer.runs import store
from fer.runs.store import RunSummary
from fer.ui.training import notices
from tests.support.run_folders import write_run


def page() -> None:
    import streamlit as st

    from fer.runs import store
    from fer.ui.training import notices

    if st.session_state.pop("draw again", False):
        notices.draw_again()
    notices.watch(store.list_runs())
    notices.begin_notices()
    notices.notices(notices.TOP)
    notices.notices(notices.FORM)


def opened() -> AppTest:
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception and not said(app)
    return app


def said(app: AppTest) -> list[str]:
    return [notice.value for notice in [*app.success, *app.error]]


@pytest.fixture
def runs(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> list[RunSummary]:
    """Return two runs, newest first, of which the older is active; tests change them in place."""
    found = [store.read_run(write_run(number, name=f"run {number}", epochs_done=5)) for number in (2, 1)]
    found[1] = replace(found[1], state="running")
    monkeypatch.setattr(store, "list_runs", lambda: found)
    return found


def test_a_message_about_the_queue_goes_when_the_run_starts(runs: list[RunSummary]) -> None:
    runs[0] = replace(runs[0], state="queued")
    app = opened()
    app.session_state["training_notices"] = [
        notices._Notice(
            "'run 2' is queued.", notices.FORM, error=False, true_while=notices.While(runs[0].id, ("queued",))
        )
    ]
    assert said(app.run()) == ["'run 2' is queued."]
    app.session_state["draw again"] = True
    assert said(app.run()) == ["'run 2' is queued."], "an event of another run doesn't end it"
    runs[0] = replace(runs[0], state="running")
    app.session_state["draw again"] = True
    assert said(app.run()) == []


def test_a_message_that_a_run_has_started_goes_when_it_ends(runs: list[RunSummary]) -> None:
    app = opened()
    app.session_state["training_notices"] = [
        notices._Notice("'run 1' has started.", notices.FORM, error=False, true_while=notices.While(runs[1].id))
    ]
    assert said(app.run()) == ["'run 1' has started."]
    runs[1] = ended(runs[1], "stopped")
    app.session_state["draw again"] = True
    [only] = said(app.run())
    assert only.startswith("'run 1' was stopped.")


def ended(run: RunSummary, state: str, **progress: Any) -> RunSummary:
    return replace(run, state=state, progress=replace(run.progress, **progress))


NO_EPOCH: Final = {"best_accuracy": None, "epoch": 0, "batch": 0}


@pytest.mark.parametrize(
    ("state", "progress", "sentence"),
    [
        ("finished", {}, "'run 1' has finished. Best accuracy on validation: 34.0 %, in epoch 5. See it below"),
        ("stopped", {}, "'run 1' was stopped. Best accuracy on validation: 34.0 %, in epoch 5. It can be resumed."),
        ("stopped", NO_EPOCH, "'run 1' was stopped before its first step. It can be resumed. See it below"),
        ("stopped", NO_EPOCH | {"batch": 3}, "'run 1' was stopped. It can be resumed."),
        ("interrupted", NO_EPOCH, "'run 1' was interrupted. It can be resumed."),
        ("failed", {"message": "The disk is full."}, "'run 1' failed: The disk is full. Best accuracy on validation"),
        ("failed", {"message": "", "hopeless": True} | NO_EPOCH, "'run 1' failed: see its log. See it below"),
    ],
)
def test_the_end_of_a_run_is_announced_once(
    runs: list[RunSummary], state: str, progress: dict[str, Any], sentence: str
) -> None:
    app = opened()
    runs[1] = ended(runs[1], state, **progress)
    (text,) = said(app.run())
    assert sentence in text and text.endswith("under [Runs](#runs).")
    assert bool(app.error) == (state in ("failed", "interrupted"))
    assert app.session_state["training_ended"] == runs[1].id
    assert not said(app.run())


def test_viewers_who_did_not_see_it_active_get_no_notice(runs: list[RunSummary]) -> None:
    runs[1] = ended(runs[1], "finished")
    assert not said(opened().run())


def test_no_run_is_selected_while_another_is_active(runs: list[RunSummary]) -> None:
    runs[0] = replace(runs[0], state="queued")
    app = opened()
    runs[1] = ended(runs[1], "finished")
    assert len(said(app.run())) == 1
    assert "training_ended" not in app.session_state
    runs[0] = ended(runs[0], "stopped")
    assert len(said(app.run())) == 1
    assert app.session_state["training_ended"] == runs[0].id


def test_a_notice_stays_when_the_page_reruns_automatically(runs: list[RunSummary]) -> None:
    runs[0] = replace(runs[0], state="queued")
    app = opened()
    runs[1] = ended(runs[1], "finished")
    (text,) = said(app.run())
    # The next one starts.
    runs[0] = replace(runs[0], state="running")
    app.session_state["draw again"] = True
    assert said(app.run()) == [text]
    assert not said(app.run())


def test_two_runs_that_end_together_are_both_announced_and_the_later_selected(runs: list[RunSummary]) -> None:
    runs[0] = replace(runs[0], state="running")
    app = opened()
    runs[0], runs[1] = ended(runs[0], "stopped", ended=5.0), ended(runs[1], "finished", ended=9.0)
    assert len(said(app.run())) == 2
    assert app.session_state["training_ended"] == runs[1].id


def test_a_deleted_run_is_not_announced(runs: list[RunSummary]) -> None:
    app = opened()
    del runs[1]
    assert not said(app.run())
