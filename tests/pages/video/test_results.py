"""The results of a video on its page."""

import json
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from fer.jobs.job import DONE, FAILED
from fer.video import store
from fer.video.job import ROWS, VideoJob
from tests.support.clips import Clip, plain
from tests.support.video_page import links, press, words
from tests.support.videos import analysed, in_state, queued


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


def test_a_damaged_table_is_told_and_the_video_can_be_deleted(open_video: Callable[[], AppTest], clip: Path) -> None:
    job = analysed(clip)
    (job.folder / ROWS).write_bytes(b"PAR1")
    page = open_video()
    assert "The results of this video are damaged; delete it and add it again." in words(page)
    assert not page.exception
    press(page, "Delete (")
    assert not page.exception and store.list_videos() == []


def test_the_state_is_the_same_in_another_tab(open_video: Callable[[], AppTest], clip: Path) -> None:
    job: VideoJob = analysed(clip)
    first, second = open_video(), open_video()
    assert first.selectbox(key="video_chosen").value == second.selectbox(key="video_chosen").value == job.id
