"""The Video page in every state: empty, queue, running, ended, failed, stopped, damaged; and whose videos it shows."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fer.errors import VideoError
from fer.jobs.job import DONE, FAILED, RUNNING, STOPPED
from fer.paths import CHECKOUT
from fer.text import MB
from fer.ui.access import records
from fer.ui.video import adding
from fer.video import store
from fer.video.job import QUEUED, VideoJob
from tests.support.clips import Clip, moving_portrait, plain
from tests.support.login import ACCESS, ADMIN, AUTH, TRAINER, VIEWER
from tests.support.markdown import plain as plain_text
from tests.support.videos import analysed, in_state, queued

VIDEO = "pages/2_Video.py"
PATIENCE_SECONDS = 150
OpenPage = Callable[[str], AppTest]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return Clip(sound="aac").write(tmp_path / "clip.mp4", moving_portrait(8))


@pytest.fixture(autouse=True)
def no_process_is_left(fer_home: Path) -> Iterator[None]:
    yield
    for job in store.list_videos():
        progress = job.progress()
        if progress is not None and progress.pid != os.getpid():
            job.stop()


@pytest.fixture
def open_video(tiny_model: Path, open_page: OpenPage) -> Callable[[], AppTest]:
    return lambda: open_page(VIDEO)


@pytest.fixture
def open_as(fer_home: Path, tiny_model: Path) -> Callable[[dict[str, Any]], AppTest]:
    """Return a function that opens the page as a person described by claims."""
    st.cache_resource.clear()

    def open_as(claims: dict[str, Any]) -> AppTest:
        app = AppTest.from_file(str(CHECKOUT / "app.py"), default_timeout=60)
        app.secrets = {"auth": AUTH, "access": ACCESS}
        app.user = {"is_logged_in": True, **claims}
        return app.run().switch_page(VIDEO).run()

    return open_as


def words(page: AppTest) -> str:
    elements = [*page.markdown, *page.caption, *page.info, *page.warning, *page.error]
    return "\n".join(plain_text(element.value) for element in elements)


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label.startswith(label)).click().run()


def links(page: AppTest) -> list[str]:
    return [link.proto.label for link in page.get("link_button")]


def test_an_empty_page_says_what_it_keeps_before_anything_is_uploaded(open_video: Callable[[], AppTest]) -> None:
    page = open_video()
    assert not page.exception and not page.error
    assert "until its analysis ends, or without one, until you close this tab. Then it is deleted" in words(page)
    assert page.button(key="video_analyse").disabled
    assert not page.get("link_button")


def test_dropped_videos_are_analysed_one_after_the_other_and_the_first_is_shown(
    open_video: Callable[[], AppTest], clip: Path, tmp_path: Path
) -> None:
    page = open_video()
    files = [("one.mp4", clip.read_bytes(), "video/mp4"), ("two.mp4", b"ffconcat version 1.0", "video/mp4")]
    page.toggle(key="video_annotated").set_value(False).run()
    page.file_uploader[0].set_value(files).run()
    press(page, "Analyse 2 videos")
    jobs = store.list_videos()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(job.state in (RUNNING, QUEUED) for job in jobs) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [job.state for job in jobs] == [DONE, FAILED]
    page.run()
    assert not page.exception
    chosen = page.selectbox(key="video_chosen")
    assert chosen.value == jobs[0].id and len(chosen.options) == 2
    assert chosen.options[0].startswith("two.mp4 · failed · ")
    assert links(page) == ["CSV", "Parquet", "JSON", "Report", "Subtitles"]
    assert "Not analysed: two.mp4. Choose one above to see why." in words(page)
    chosen.set_value(jobs[1].id).run()
    assert "Not analysed" not in words(page)
    [error] = page.error
    assert "video" in error.value and "Traceback" not in error.value


def test_a_running_video_shows_how_far_it_is_and_stops(open_video: Callable[[], AppTest], clip: Path) -> None:
    running = in_state(queued(clip, "a_*b*.mp4"), RUNNING, text="120 of 900 frames", share=0.13, seconds_left=130.0)
    waiting = queued(clip, "next.mp4")
    page = open_video()
    assert not page.exception
    assert "**Analysing** a_*b*.mp4" in words(page) and "Queue: 1 video" in words(page) and "next.mp4" in words(page)
    [bar] = page.get("progress")
    assert bar.proto.text == "120 of 900 frames · 2 min left" and bar.proto.value == 13
    assert "Stop" in labels(page)
    press(page, "Remove from queue")
    assert not waiting.folder.exists() and running.state == RUNNING


@pytest.mark.parametrize(
    ("state", "error", "said"),
    [
        (FAILED, "This file is empty; copy it again.", "This file is empty; copy it again."),
        (FAILED, None, "The analysis failed. Add the video again."),
        (STOPPED, None, "Stopped. An uploaded video was deleted"),
        (RUNNING, None, "The analysis stopped unexpectedly."),
    ],
)
def test_a_video_that_ended_early_says_why_and_can_be_deleted(
    open_video: Callable[[], AppTest], clip: Path, state: str, error: str | None, said: str
) -> None:
    # A pid that no process has: it was killed.
    job = in_state(queued(clip), state, error=error, pid=2**22 + 1, birth="long ago")
    page = open_video()
    assert not page.exception and said in words(page) and not page.get("link_button")
    press(page, "Delete (")
    assert store.list_videos() == [] and not job.folder.exists()


def test_a_damaged_record_and_damaged_results_are_told_and_can_be_deleted(
    open_video: Callable[[], AppTest], clip: Path
) -> None:
    record, results = in_state(queued(clip), FAILED), in_state(queued(clip), DONE)
    (record.folder / "request.json").write_text("{")
    (results.folder / "summary.json").write_text('{"width": -1}')
    page = open_video()
    assert "The results of this video are damaged; delete it and add it again." in words(page)
    press(page, "Delete (")
    assert "The record of this video is damaged." in words(page)
    press(page, "Delete (")
    assert not page.exception and store.list_videos() == []


def test_results_show_people_moments_table_and_downloads(open_video: Callable[[], AppTest], clip: Path) -> None:
    job = analysed(clip)
    page = open_video()
    assert not page.exception
    [player] = page.get("component_instance")
    sent = json.loads(player.proto.json_args)
    assert sent["address"] == f"videos/{job.id}/annotated.mp4" and sent["moment"] is None
    assert [trace["name"] for trace in json.loads(sent["figure"])["data"]][3] == "happy"
    assert "192 × 144 pixels · 0:00 · 8 frames · model: tiny" in words(page)
    assert page.dataframe[-1].value["frame"].tolist() == list(range(8))
    assert links(page) == ["CSV", "Parquet", "JSON", "Annotated video", "Report", "Subtitles"]
    moment = next(button for button in page.button if (button.key or "").startswith("video_moment_"))
    moment.click().run()
    sent = json.loads(page.get("component_instance")[0].proto.json_args)
    assert sent["moment"]["wish"] == 1 and 0 <= sent["moment"]["seconds"] < 0.3


def test_a_video_without_a_face_and_one_whose_faces_are_blurred(
    open_video: Callable[[], AppTest], clip: Path, tmp_path: Path
) -> None:
    analysed(clip, "blurred.mp4", blur=True)
    empty = analysed(Clip().write(tmp_path / "wall.mp4", plain(4)), "wall.mp4")
    page = open_video()
    assert page.selectbox(key="video_chosen").value == empty.id
    assert "No face was found in this video." in words(page)
    page.selectbox(key="video_chosen").set_value(store.list_videos()[0].id).run()
    assert not page.exception and not page.get("imgs")
    assert any("happy 0." in caption.value for caption in page.caption)


def test_a_file_below_data_is_analysed_where_it_is(
    open_video: Callable[[], AppTest], clip: Path, fer_home: Path
) -> None:
    own = fer_home / "data" / "clips" / "mine.mp4"
    own.parent.mkdir(parents=True)
    own.write_bytes(clip.read_bytes())
    page = open_video()
    page.segmented_control(key="video_source").set_value("From data/").run()
    [choice] = page.multiselect
    assert choice.options == ["clips/mine.mp4"]
    choice.set_value([str(own)]).run()
    press(page, "Analyse")
    [job] = store.list_videos()
    request = job.find_request()
    assert request is not None and (request.name, request.path) == ("data/clips/mine.mp4", str(own))
    assert not (job.folder / "upload").exists()


def own_id(claims: dict[str, Any]) -> str:
    return f"{claims['iss']} {claims['sub']}"


def test_a_viewer_sees_and_deletes_only_own_videos(open_as: Callable[..., AppTest], clip: Path) -> None:
    mine, theirs, running = analysed(clip, "mine.mp4"), analysed(clip, "theirs.mp4"), queued(clip, "secret.mp4")
    in_state(running, RUNNING)
    records.set_owner("video", mine.id, own_id(VIEWER))
    records.set_owner("video", theirs.id, own_id(TRAINER))
    page = open_as(VIEWER)
    assert not page.exception
    [option] = page.selectbox(key="video_chosen").options
    assert option.startswith("mine.mp4 · ")
    assert "theirs" not in str(page.main) and "secret" not in str(page.main)
    press(page, "Delete (")
    assert not mine.folder.exists() and theirs.folder.exists()
    entry = json.loads(records.audit_file().read_text().splitlines()[-1])
    assert (entry["action"], entry["kind"], entry["name"]) == ("deleted", "video", mine.id)


def test_a_viewer_starts_and_stops_an_own_video_which_the_log_tells(
    open_as: Callable[..., AppTest], clip: Path
) -> None:
    blocking = in_state(queued(clip, "other.mp4"), RUNNING)
    page = open_as(VIEWER)
    page.file_uploader[0].set_value([("mine.mp4", clip.read_bytes(), "video/mp4")]).run()
    press(page, "Analyse")
    assert "after somebody else's video" in words(page)
    [job] = [one for one in store.list_videos() if one.id != blocking.id]
    assert records.owner_of("video", job.id) == own_id(VIEWER)
    press(page, "Remove from queue")
    assert not job.folder.exists()
    entries = [json.loads(line) for line in records.audit_file().read_text().splitlines()]
    assert [(entry["action"], entry["name"]) for entry in entries] == [("started", job.id), ("stopped", job.id)]


def test_an_admin_frees_room_without_seeing_other_peoples_videos(open_as: Callable[..., AppTest], clip: Path) -> None:
    theirs = analysed(clip, "theirs.mp4")
    records.set_owner("video", theirs.id, own_id(VIEWER))
    page = open_as(ADMIN)
    assert "Results of other people: 1 video, " in words(page) and "theirs" not in str(page.main)
    press(page, "Delete them")
    assert not theirs.folder.exists()


def test_a_viewer_gets_no_files_of_the_server(open_as: Callable[..., AppTest], clip: Path, fer_home: Path) -> None:
    (fer_home / "data").mkdir()
    (fer_home / "data" / "mine.mp4").write_bytes(clip.read_bytes())
    assert not [one for one in open_as(VIEWER).segmented_control if one.key == "video_source"]
    assert [one for one in open_as(TRAINER).segmented_control if one.key == "video_source"]


def test_the_state_is_the_same_in_another_tab(open_video: Callable[[], AppTest], clip: Path) -> None:
    job: VideoJob = analysed(clip)
    first, second = open_video(), open_video()
    assert first.selectbox(key="video_chosen").value == second.selectbox(key="video_chosen").value == job.id


def test_a_video_that_cannot_be_stored_is_named_until_the_next_action_and_is_not_lost(
    open_video: Callable[[], AppTest], clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = store.add_upload

    def one_fails(content: Any, request: Any) -> VideoJob:
        if request.name == "a_*b*.mp4":
            raise VideoError("The disk is full. Free some disk space.")
        return add(content, request)

    monkeypatch.setattr(store, "add_upload", one_fails)
    monkeypatch.setattr(store, "start_next", lambda: None)
    page = open_video()
    data = clip.read_bytes()
    page.file_uploader[0].set_value([("a_*b*.mp4", data, "video/mp4"), ("b.mp4", data, "video/mp4")]).run()
    press(page, "Analyse 2 videos")
    assert [one.find_request().name for one in store.list_videos()] == ["b.mp4"]
    assert [plain_text(error.value) for error in page.error] == ["a_*b*.mp4: The disk is full. Free some disk space."]
    assert not page.toast
    page.run()
    assert len(page.error) == 1, "it stays while the queue is watched"
    monkeypatch.setattr(store, "add_upload", add)
    press(page, "Analyse")
    assert not page.error and "a_*b*.mp4" in [one.find_request().name for one in store.list_videos()]
    assert page.button(key="video_analyse").disabled, "the uploader is empty"


def test_a_disk_without_room_for_a_large_video_is_told_before_the_upload(
    open_video: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not open_video().warning
    for room, said in ((60 * MB, "The disk has room for uploads of 60.0 MB only."), (0, "The disk is full.")):
        monkeypatch.setattr(adding, "room_on_disk", lambda room=room: room)
        [warning] = open_video().warning
        assert warning.value == f"{said} Free some space, or delete videos here."


def test_an_error_of_stop_stays_while_the_queue_is_watched(
    open_video: Callable[[], AppTest], clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_state(queued(clip), RUNNING)

    def fails(job: VideoJob) -> None:
        raise VideoError("The analysis belongs to another user, so you can't stop it.")

    monkeypatch.setattr(store, "stop", fails)
    page = press(open_video(), "Stop")
    page.run()
    assert [plain_text(error.value) for error in page.error] == [
        "The analysis belongs to another user, so you can't stop it."
    ]
