"""Who sees the Batch page, and who may do what with a batch."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fer.batch import store
from fer.batch.job import BatchJob
from fer.jobs.job import STOPPED
from fer.ui.access import records
from tests.support.batch_page import choose, press
from tests.support.batches import asked, in_state, photos
from tests.support.login import ADMIN, TRAINER, VIEWER


def own_id(claims: dict[str, Any]) -> str:
    return f"{claims['iss']} {claims['sub']}"


def test_a_viewer_sees_nothing(open_as: Callable[..., AppTest]) -> None:
    in_state(asked(photos("1.jpg"), name="secret"), STOPPED)
    page = open_as(VIEWER)
    assert "secret" not in str(page.main) and page.warning[0].value.startswith("This page is for the role")


def test_a_trainer_starts_stops_and_deletes_own_batches_which_the_log_tells(
    open_as: Callable[..., AppTest], started: list[BatchJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = in_state(asked(photos("1.jpg"), name="theirs"), STOPPED)
    page = open_as(TRAINER)
    delete = page.button(key=f"batch_delete_{theirs.id}")
    assert delete.disabled and "Only an admin, or the person who made it" in delete.help
    assert page.button(key=f"batch_resume_{theirs.id}").disabled
    assert not [one for one in page.segmented_control if one.key == "batch_where"], "no scheduler for a trainer"
    press(choose(page, "data/photos"), "Start")
    [job] = started
    assert records.owner_of("batch", job.id) == own_id(TRAINER)
    monkeypatch.setattr(store, "stop", lambda job: in_state(job, STOPPED))
    press(page, "Stop")
    page.button(key=f"batch_delete_{job.id}").click().run()
    entries = [json.loads(line) for line in records.audit_file().read_text().splitlines()]
    assert [(entry["action"], entry["kind"], entry["name"]) for entry in entries] == [
        (action, "batch", job.id) for action in ("started", "stopped", "deleted")
    ]
    assert store.list_ids() == [theirs.id]


def test_an_admin_names_a_scheduler_with_its_files(open_as: Callable[..., AppTest], started: list[BatchJob]) -> None:
    photos("1.jpg")
    page = choose(open_as(ADMIN), "data/photos")
    page.segmented_control(key="batch_where").set_value("Dask scheduler").run()
    assert page.button(key="batch_start").disabled
    page.text_input(key="batch_scheduler").set_value("tls://host:8786").run()
    page.text_input(key="batch_tls_ca").set_value("/etc/ca.pem").run()
    press(page, "Start")
    request = started[0].find_request()
    assert request is not None
    assert (request.scheduler, request.tls_ca, request.tls_cert, request.workers) == (
        *("tls://host:8786", "/etc/ca.pem", None, None),
    )
