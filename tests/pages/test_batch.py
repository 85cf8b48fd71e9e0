"""The Batch page in every state: empty, running, stopped, interrupted, done, with failures; and who sees it."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fer.batch import census, store
from fer.batch.census import Census
from fer.batch.job import BatchJob, Status
from fer.errors import BatchError, shortened
from fer.jobs.job import FAILED, RUNNING, STOPPED
from fer.paths import CHECKOUT
from fer.ui.access import records
from fer.ui.batch import count, library, work
from tests.support.batches import asked, done, in_state, photos
from tests.support.login import ACCESS, ADMIN, AUTH, TRAINER, VIEWER
from tests.support.markdown import plain as plain_text

BATCH = "pages/3_Batch.py"
STATUS = Status(50_000, 12_400, 3, 20_000, 2, 0, 58.0, None, (("/photos/a_*b*.jpg", "It is empty."),))
GONE = {"pid": 2**22 + 1, "birth": "long ago"}
OpenPage = Callable[[], AppTest]


@pytest.fixture
def open_batch(tiny_model: Path, open_page: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    # AppTest doesn't run the page again when a count has ended, so the page waits for it.
    monkeypatch.setattr(count, "_QUICK_SECONDS", 30)
    return lambda: open_page(BATCH)


@pytest.fixture
def open_as(fer_home: Path, tiny_model: Path) -> Callable[[dict[str, Any]], AppTest]:
    """Return a function that opens the page as a person described by claims."""
    st.cache_resource.clear()
    st.cache_data.clear()

    def open_as(claims: dict[str, Any]) -> AppTest:
        app = AppTest.from_file(str(CHECKOUT / "app.py"), default_timeout=60)
        app.secrets = {"auth": AUTH, "access": ACCESS}
        app.user = {"is_logged_in": True, **claims}
        return app.run().switch_page(BATCH).run()

    return open_as


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BatchJob]]:
    """The jobs that would have been started; each then runs in this process, as far as anybody can see."""
    jobs: list[BatchJob] = []

    def begin(job: BatchJob, request: dict[str, Any]) -> None:
        job.ask(request)
        jobs.append(in_state(job, RUNNING, text="Starting"))

    monkeypatch.setattr(BatchJob, "begin", begin)
    yield jobs


def words(page: AppTest) -> str:
    elements = [*page.markdown, *page.caption, *page.info, *page.warning, *page.error, *page.subheader]
    return "\n".join(plain_text(element.value) for element in elements)


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label.startswith(label)).click().run()


def links(page: AppTest) -> dict[str, str]:
    return {link.proto.label: link.proto.url for link in page.get("link_button")}


def choose(page: AppTest, *names: str) -> AppTest:
    return page.multiselect[0].set_value(list(names)).run()


def test_an_empty_page_says_where_to_put_files(open_batch: OpenPage, fer_home: Path) -> None:
    page = open_batch()
    assert not page.exception and not page.error
    assert f"Copy photos or videos into {fer_home}/data on the machine" in words(page)
    assert page.button(key="batch_start").disabled and not links(page)


def test_a_folder_is_counted_and_started_with_the_chosen_settings(
    open_batch: OpenPage, started: list[BatchJob], fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "usable_cores", lambda: 3)
    folder = photos("a/1.jpg", "a/2.jpg", "clip.mp4", "notes.txt")
    page = open_batch()
    assert page.multiselect[0].options == ["data", "data/photos", "data/photos/a"]
    choose(page, "data/photos")
    assert "**2 photos and 1 video**, 1 kB. 1 other file will be skipped." in words(page)
    workers = page.number_input(key="batch_workers")
    assert (workers.value, workers.min, workers.max) == (3, 1, 3)
    workers.set_value(2)
    page.toggle(key="batch_annotated").set_value(True)
    press(page, "Start")
    assert not page.exception and not page.error
    [job] = started
    request = job.find_request()
    assert request is not None
    assert (request.name, request.inputs, request.roots) == ("data/photos", (str(folder),), (str(fer_home / "data"),))
    assert (request.workers, request.scheduler, request.annotated) == (2, None, True)
    assert request.model == str(job.folder / "model") and request.model_name == "tiny"
    assert request.weights == "float32", "the page has decided, not the process"
    assert "**Analysing** data/photos" in words(page) and "Stop" in labels(page)
    assert page.multiselect[0].value == [] and page.button(key="batch_start").disabled, "nobody starts it twice"


def test_roots_of_the_same_name_can_both_be_chosen(
    open_batch: OpenPage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    roots = [tmp_path / disk / "photos" for disk in ("disk1", "disk2")]
    for n_photos, root in enumerate(roots, 1):
        root.mkdir(parents=True)
        for number in range(n_photos):
            (root / f"{number}.jpg").write_bytes(b"x")
    monkeypatch.setenv("FER_BATCH_ROOTS", os.pathsep.join(map(str, roots)))
    page = open_batch()
    assert page.multiselect[0].options == list(map(str, roots))
    for n_photos, root in ((1, roots[0]), (2, roots[1])):
        assert f"**{n_photos} photo" in words(choose(page, str(root)))


@pytest.mark.parametrize("typed", ["../runs", "/etc", "photos/out", "gone", "s3://bucket/x"])
def test_what_is_not_allowed_or_not_there_is_told_and_cannot_be_started(
    typed: str, open_batch: OpenPage, fer_home: Path, tmp_path: Path
) -> None:
    (photos("1.jpg") / "out").symlink_to(tmp_path)
    page = choose(open_batch(), typed)
    [error] = page.error
    assert plain_text(error.value).startswith(f"'{typed}' isn't ") and page.button(key="batch_start").disabled


def test_a_batch_that_cannot_be_started_says_why_until_the_next_action(
    open_batch: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> BatchJob:
        raise BatchError("The disk is full. Free some disk space.")

    photos("1.jpg")
    monkeypatch.setattr(store, "start", full)
    page = press(choose(open_batch(), "data/photos"), "Start")
    assert [plain_text(error.value) for error in page.error] == ["The disk is full. Free some disk space."]
    assert page.multiselect[0].value == ["data/photos"] and not choose(page, "data").error


def test_wrong_settings_are_told_and_batches_can_still_be_seen(
    open_batch: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_state(asked(photos("1.jpg")), STOPPED)
    monkeypatch.setenv("FER_BATCH_ROOTS", "photos")
    page = open_batch()
    assert "The folder 'photos' must be an absolute path." in words(page) and "Resume" in labels(page)
    assert not [one for one in page.button if one.key == "batch_start"]


def test_an_empty_folder_is_told(open_batch: OpenPage) -> None:
    photos("notes.txt")
    page = choose(open_batch(), "data/photos")
    assert "There is no photo or video here; choose another folder." in words(page)
    assert "There is no photo or video in this folder, only 1 other file" in words(page)


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
    assert "The summary of this batch is damaged. Press Resume: it is made again." in words(page)
    assert not page.exception and store.list_ids() == [results.id]


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


@pytest.mark.parametrize(
    ("url", "shown"), [("http://localhost:8501/Batch", True), ("http://127.0.0.1/", True), ("https://fer.org/", False)]
)
def test_the_dashboard_is_linked_where_it_can_be_reached(url: str, shown: bool, tiny_model: Path) -> None:
    assert work._is_this_machine(url) == shown


def test_a_large_folder_is_counted_in_the_background(open_batch: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    told, go = threading.Event(), threading.Event()

    def slow(inputs: object, roots: object, report: Callable[[int], None]) -> Census:
        report(500)
        told.set()
        assert go.wait(60)
        return Census(500)

    photos("1.jpg")
    page = open_batch()
    monkeypatch.setattr(census, "count", slow)
    monkeypatch.setattr(count, "_QUICK_SECONDS", 0.01)
    try:
        choose(page, "data/photos")
        assert told.wait(60)
        [bar] = page.run().get("progress")
        assert bar.proto.text == "Counting: 500 files"
        assert not page.button(key="batch_start").disabled
    finally:
        go.set()
    monkeypatch.setattr(count, "_QUICK_SECONDS", 30)
    assert "**500 photos**" in words(page.run())


def test_a_folder_is_counted_again_each_time_it_is_chosen(open_batch: OpenPage) -> None:
    photos("1.jpg")
    page, other = open_batch(), open_batch()
    assert "**1 photo**" in words(choose(page, "data/photos"))
    photos("2.jpg")
    assert "**1 photo**" in words(page.run()), "what was counted stays while it is chosen"
    assert "**2 photos**" in words(choose(other, "data/photos")), "somebody else's count is older"
    choose(page)
    assert "**2 photos**" in words(choose(page, "data/photos"))


def test_a_folder_is_counted_again_after_a_start(open_batch: OpenPage, started: list[BatchJob]) -> None:
    photos("1.jpg")
    page = press(choose(open_batch(), "data/photos"), "Start")
    in_state(started[0], STOPPED)
    photos("2.jpg")
    assert "**2 photos**" in words(choose(page, "data/photos"))
