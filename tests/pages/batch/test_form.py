"""The form of the Batch page: what can be chosen, what is counted, what is started."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer.batch import census, store
from fer.batch.census import Census
from fer.batch.job import BatchJob
from fer.errors import BatchError
from fer.jobs.job import STOPPED
from fer.ui.batch import count
from tests.support.batch_page import choose, labels, links, press, words
from tests.support.batches import asked, in_state, photos
from tests.support.markdown import plain as plain_text

OpenPage = Callable[[], AppTest]


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
