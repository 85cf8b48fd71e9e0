"""Whose videos the Video page shows, and what each role may do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from fer.jobs.job import RUNNING
from fer.ui.access import records
from fer.video import store
from tests.support.login import ADMIN, TRAINER, VIEWER
from tests.support.video_page import press, words
from tests.support.videos import analysed, in_state, queued


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
