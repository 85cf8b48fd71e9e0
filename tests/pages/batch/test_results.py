"""The Batch page in every state of a batch: running, stopped, interrupted, done, with failures."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fer.batch import found, store
from fer.batch.job import BatchJob, Status
from fer.errors import shortened
from fer.jobs.job import FAILED, RUNNING, STOPPED
from fer.ui.batch import library, work
from tests.support.batch_page import labels, links, press, words
from tests.support.batches import asked, done, in_state, photos
from tests.support.markdown import plain as plain_text

STATUS = Status(50_000, 12_400, 3, 20_000, 2, 0, 58.0, None, (("/photos/a_*b*.jpg", "It is empty."),))
GONE = {"pid": 2**22 + 1, "birth": "long ago"}
OpenPage = Callable[[], AppTest]


def test_a_running_batch_shows_how_far_it_is_and_stops(open_batch: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    job = asked(photos("1.jpg"), name="data/a_*b*")
    in_state(job, RUNNING, STATUS, text="12,400 of 50,000 files · 58.0 per second", share=0.248, seconds_left=640.0)
    page = open_batch()
    assert not page.exception and "**Analysing** data/a_*b*" in words(page)
    [bar] = page.get("progress")
    assert plain_text(bar.proto.text) == "12,400 of 50,000 files · 58.0 per second · 11 min left"
    assert bar.proto.value == 24
    assert page.dataframe[-1].value.to_dict("records") == [{"file": "/photos/a_*b*.jpg", "reason": "It is empty."}]
    assert "Resume" not in labels(page) and not any(label.startswith("Delete") for label in labels(page))
    monkeypatch.setattr(store, "stop", lambda job: in_state(job, STOPPED))
    press(page, "Stop")
    assert "Stopped. Resume continues with what isn't finished." in words(page)
    assert "12,400 of 50,000 files finished" in words(page)


@pytest.mark.parametrize(
    ("state", "values", "said"),
    [
        (STOPPED, {}, "Stopped. Resume continues"),
        (RUNNING, GONE, "The batch stopped unexpectedly, for example because memory ran out"),
        (FAILED, {"error": "The disk is full. Free some space."}, "The disk is full. Free some space."),
        (FAILED, {}, "Press Resume to continue it."),
    ],
)
def test_a_batch_that_ended_early_says_why_and_resumes(
    state: str, values: dict[str, Any], said: str, open_batch: OpenPage, started: list[BatchJob]
) -> None:
    job = in_state(asked(photos("1.jpg")), state, STATUS, **values)
    page = open_batch()
    assert not page.exception and said in words(page)
    assert "Failed so far (3)" in [one.label for one in page.expander]
    press(page, "Resume")
    assert [one.id for one in started] == [job.id] and "**Analysing** data/photos" in words(page)


def test_a_batch_that_may_not_be_resumed_says_why(
    open_batch: OpenPage, started: list[BatchJob], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = photos("1.jpg")
    running, job = in_state(asked(folder, name="a_*b*"), RUNNING), in_state(asked(folder), STOPPED)
    page = press(open_batch(), "Resume")
    [error] = page.error
    assert plain_text(error.value).startswith("The batch 'a_*b*' is running on this machine; wait until it has ended")
    in_state(running, STOPPED)
    monkeypatch.setenv("FER_BATCH_ROOTS", str(tmp_path / "other"))
    page.button(key=f"batch_resume_{job.id}").click().run()
    [error] = page.error
    assert (
        plain_text(error.value).startswith(f"'{shortened(str(folder))}' isn't below {tmp_path}/other any more")
        and started == []
    )


def test_results_show_folders_failures_and_downloads(open_batch: OpenPage) -> None:
    folder = photos("anna/1.jpg", "anna/two.jpg", "ben/1.jpg", "ben/bad.jpg")
    for day, file in enumerate(sorted(folder.rglob("*.jpg"))):
        os.utime(file, (86_400 * (20_000 + day),) * 2)
    job = done(folder)
    page = open_batch()
    assert not page.exception and not page.error
    metrics = {metric.label: metric.value for metric in page.metric}
    assert metrics == {"Files": "4", "Faces in photos": "4", "Failed": "1"}
    bars = " ".join(str(html.proto) for html in page.get("html"))
    assert "Share of faces: anna: happy 100 %; ben: happy 100 %" in bars
    tables = [table.value for table in page.dataframe]
    assert tables[0][["folder", "files", "faces", "happy"]].values.tolist() == [
        ["data/photos/anna", 2, 3, 3],
        ["data/photos/ben", 1, 1, 1],
    ]
    assert tables[1].values.tolist() == [["data/photos/ben/bad.jpg", "It is bad."]]
    [chart] = page.get("plotly_chart")
    happy = json.loads(chart.proto.spec)["data"][3]
    days = ["2024-10-04 00:00", "2024-10-05 00:00", "2024-10-06 00:00"]
    assert (happy["name"], happy["x"], happy["y"]) == ("happy", days, [1, 1, 1])
    assert "A bar for each hour in which files were last changed (UTC)" in words(page)
    assert links(page) == {
        "Parquet": f"batches/{job.id}/parts.zip",
        "Faces as CSV": f"batches/{job.id}/faces.csv",
        "Files as CSV": f"batches/{job.id}/files.csv",
    }
    assert f'polars.read_parquet("{job.results}/faces/*.parquet")' in page.code[0].value.replace("'", '"')
    assert "Run again" in labels(page)
    press(page, "Delete (")
    assert not page.exception and not job.folder.exists() and (folder / "ben" / "1.jpg").exists()


@pytest.mark.parametrize(("state", "values"), [(STOPPED, {}), (RUNNING, GONE), (FAILED, {"error": "It is full."})])
def test_a_batch_that_ended_early_shows_what_it_has(
    state: str, values: dict[str, Any], open_batch: OpenPage, counting_here: None
) -> None:
    job = done(photos("anna/1.jpg", "anna/two.jpg", "ben/1.jpg", "ben/bad.jpg"))
    (job.folder / "found.json").unlink()
    in_state(job, state, STATUS, **values)
    page = open_batch()
    assert not page.exception
    metrics = {metric.label: metric.value for metric in page.metric}
    assert metrics == {"Finished files": "4", "Faces in photos": "4", "Failed": "1"}
    bars = " ".join(str(html.proto) for html in page.get("html"))
    assert "Share of faces: anna: happy 100 %; ben: happy 100 %" in bars
    assert [table.value.values.tolist() for table in page.dataframe][-1] == [["data/photos/ben/bad.jpg", "It is bad."]]
    assert "Failed so far" not in " ".join(one.label for one in page.expander)
    assert "12,400 of 50,000 files finished" in words(page) and "Resume" in labels(page)


def test_a_count_that_fails_says_why_and_can_be_started_again(
    open_batch: OpenPage, counting_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = in_state(done(photos("1.jpg")), STOPPED, STATUS)
    with monkeypatch.context() as broken:
        broken.setattr(found, "find", lambda *_: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        page = open_batch()
    assert "Input/output error" in words(page) and "Failed so far (3)" in [one.label for one in page.expander]
    assert not page.exception and not page.metric
    press(page, "Summarise again")
    assert {metric.label: metric.value for metric in page.metric}["Finished files"] == "1"
    assert not page.error and "Summarise again" not in labels(page)
    assert job.state == STOPPED


def test_photos_and_videos_are_shown_apart_and_no_face_is_said(open_batch: OpenPage) -> None:
    done(photos("clip.mp4", "1.jpg"))
    page = open_batch()
    assert {metric.label for metric in page.metric} == {
        "Files",
        "Faces in photos",
        "Faces in frames of videos",
        "Failed",
    }
    [choice] = [one for one in page.segmented_control if one.options == ["Photos", "Videos"]]
    choice.set_value("Videos").run()
    assert not page.exception and "**Share of faces in frames**" in words(page)


def test_damaged_files_are_told_and_can_be_deleted(open_batch: OpenPage) -> None:
    results, record = done(photos("1.jpg")), in_state(asked(photos("1.jpg")), FAILED)
    (record.folder / "request.json").write_text("{")
    (results.folder / "found.json").write_text("{}")
    page = open_batch()
    assert "The record of this batch is damaged. Delete it and start a new one." in words(page)
    assert "Resume" not in labels(page)
    press(page, "Delete (")
    assert "The summary of this batch is missing or damaged." in words(page) and "Run again" in labels(page)
    assert not page.exception and store.list_ids() == [results.id]


def test_failures_that_are_gone_since_the_page_was_opened_are_one_sentence(open_batch: OpenPage) -> None:
    job = done(photos("1.jpg", "bad.jpg"))
    (job.folder / found.FAILURES).unlink()
    page = open_batch()
    assert "The summary of this batch is missing or damaged." in words(page)
    assert not page.exception and "Downloads" in words(page)


def test_many_batches_are_listed_by_the_page_and_only_those_are_read(
    open_batch: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = photos("1.jpg")
    jobs = [in_state(asked(folder, name=f"number {number}"), STOPPED) for number in range(12)]
    read: list[str] = []
    of = library.Listed.of
    monkeypatch.setattr(library.Listed, "of", lambda batch_id: read.append(batch_id) or of(batch_id))
    page = open_batch()
    assert set(read) == {job.id for job in jobs[2:]}
    assert page.dataframe[0].value["Name"].tolist() == [f"number {number}" for number in range(11, 1, -1)]
    assert "number 11" in [one.value for one in page.subheader]


@pytest.mark.parametrize(
    ("url", "shown"), [("http://localhost:8501/Batch", True), ("http://127.0.0.1/", True), ("https://fer.org/", False)]
)
def test_the_dashboard_is_linked_where_it_can_be_reached(url: str, shown: bool, tiny_model: Path) -> None:
    assert work._is_this_machine(url) == shown
