"""The active run: messages of its buttons reach the page."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from fer.runs import store
from fer.ui.training import progress
from tests.support.markdown import plain
from tests.support.run_folders import write_run


def page() -> None:
    """Its fragment runs alone after a click in it, once the page has run."""
    import streamlit as st

    from fer.ui.training import notices, progress

    if "has_run" in st.session_state:
        notices.begin_notices()
        notices.notices(notices.TOP)
    else:
        st.session_state["has_run"] = True
        progress._stop("20990101-000000-0000")
    progress.now(progress.all_runs())


def test_the_reason_for_a_failed_stop_is_shown_although_no_run_changed(fer_home: Path) -> None:
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception
    assert [plain(error.value) for error in app.error] == [
        "There is no run '20990101-000000-0000'; 'python -m fer runs' lists them."
    ]


def test_the_description_of_a_runs_progress(fer_home: Path) -> None:
    state = {"doing": "training", "epoch": 6, "epochs": 30, "batch": 210, "batches": 448}
    run = store.read_run(write_run(1, state="running", seconds_left=2460.0, images_per_second=250.4, **state))
    assert progress.where(run) == "epoch 7 of 30, batch 210 of 448, 41 min left, 250 images per second"
    waiting = store.read_run(write_run(2, state="queued", doing="waiting"))
    assert progress.where(waiting) == "waiting"
