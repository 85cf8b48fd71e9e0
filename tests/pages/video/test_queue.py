"""Adding videos on the Video page, and watching them: empty, queue, running, failed, stopped."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fer.errors import VideoError
from fer.jobs.job import DONE, FAILED, RUNNING, STOPPED
from fer.text import MB
from fer.ui.video import adding
from fer.video import store
from fer.video.job import QUEUED, VideoJob
from tests.support.markdown import plain as plain_text
from tests.support.video_page import labels, links, press, words
from tests.support.videos import in_state, queued

PATIENCE_SECONDS = 150


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
    assert request.weights == "float32", "the page has decided, not the process"
    assert not (job.folder / "upload").exists()


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
