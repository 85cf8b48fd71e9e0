"""The Video page in a real browser: upload, watch, leave, restart the server, stop, play, jump, download."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from fer.jobs.job import STOPPED
from fer.video import store, stored
from tests.support.browser import PATIENCE_S, App, eventually, expect_to_fit
from tests.support.clips import Clip, looped, moving_portrait
from tests.support.serving import running_app
from tests.support.videos import queued

N_FRAMES, RATE = 60, 30
LINKS = {
    "CSV": "clip.csv",
    "Parquet": "clip.parquet",
    "JSON": "clip.json",
    "Annotated video": "clip-annotated.mp4",
    "Report": "clip.html",
    "Subtitles": "clip.vtt",
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    return Clip(sound="aac", rate=RATE).write(folder / "clip.mp4", moving_portrait(N_FRAMES, step=1))


@pytest.fixture(scope="module")
def long_clip(clip: Path) -> Path:
    """Return a video of minutes, which no machine analyses within this test."""
    return looped(clip, clip.with_name("long.mp4"), 600)


@pytest.fixture(autouse=True)
def no_process_is_left(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FER_HOME", str(home))
    yield
    for job in store.list_videos():
        job.stop()
        store.delete(job)


def drop(page: Page, *files: Path) -> None:
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(files)


def player(page: Page) -> FrameLocator:
    return page.frame_locator('iframe[title*="video_player"]')


def test_a_clip_is_uploaded_watched_played_and_saved(app: App, clip: Path) -> None:
    page = app.open("Video")
    expect(page.get_by_text("then it is deleted")).to_be_visible()
    drop(page, clip)
    page.get_by_role("button", name="Analyse", exact=True).click()
    video = player(page).locator("video")
    # On a fast machine it has ended already. A tab that comes later shows the same.
    stop, results = (page.get_by_role("button", name=name) for name in ("Stop", "Delete ("))
    expect(stop.or_(results).first).to_be_visible()
    page.reload()
    expect(video).to_be_visible()
    expect(stop).to_have_count(0)
    [job] = store.list_videos()
    assert not (job.folder / "upload").exists()

    video.evaluate("video => { video.muted = true; return video.play(); }")
    page.wait_for_timeout(100)
    handle = video.element_handle()
    frame = handle.owner_frame()
    assert frame is not None
    frame.wait_for_function("video => video.currentTime > 0.3", arg=handle)
    assert video.evaluate("video => [video.videoWidth, video.videoHeight, video.error]") == [192, 144, None]
    assert abs(video.evaluate("video => video.duration") - N_FRAMES / RATE) < 0.2

    video.evaluate("video => video.pause()")
    area = player(page).locator("#timeline .nsewdrag")
    expect(area).to_be_visible()
    box = area.bounding_box()
    assert box is not None
    area.click(position={"x": box["width"] * 0.75, "y": box["height"] / 2})
    # The axis ends with the last frame, and the line has a point every quarter of a second.
    frame.wait_for_function("video => Math.abs(video.currentTime - 1.5) < 0.3", arg=handle)
    [moment] = stored.load_summary(job.folder).moments
    video.evaluate("(video, seconds) => { video.currentTime = seconds; }", 0.1 if moment.time_s > 1 else 1.9)
    page.get_by_role("button").filter(has_text="0:0").click()
    frame.wait_for_function(f"video => Math.abs(video.currentTime - {moment.time_s}) < 0.05", arg=handle)

    for label, name in LINKS.items():
        address = page.get_by_role("link", name=label, exact=True).get_attribute("href")
        answer = page.context.request.get(f"{app.server.url}/{address}")
        assert answer.status == 200 and name in answer.headers["content-disposition"]
        if label == "CSV":
            rows = list(csv.DictReader(io.StringIO(answer.text())))
            assert [int(row["frame"]) for row in rows] == list(range(N_FRAMES))
    report = page.get_by_role("link", name="Report", exact=True)
    # In a tab of its own, as Streamlit opens links, the browser saves the file too, but Playwright doesn't hear of it.
    report.evaluate("link => { link.target = '_self'; }")
    with page.expect_download() as saved:
        report.click()
    assert saved.value.suggested_filename == "clip.html"
    assert Path(saved.value.path()).read_bytes() == (job.folder / "report.html").read_bytes()

    results.click()
    expect(page.get_by_role("link", name="CSV", exact=True)).to_have_count(0)
    assert store.list_videos() == []


def test_an_analysis_outlives_its_server_and_is_stopped_from_the_next(
    page: Page, home: Path, clip: Path, long_clip: Path, tmp_path: Path
) -> None:
    page.set_default_timeout(PATIENCE_S * 1000)
    with running_app(home, tmp_path / "first.log") as server:
        app = App(page, server)
        app.open("Video")
        drop(page, long_clip, clip)
        page.get_by_role("button", name="Analyse 2 videos").click()
        expect(page.get_by_text("of 36,000 frames")).to_be_visible()
        expect(page.get_by_text("Queue: 1 video")).to_be_visible()
    job, following = store.list_videos()
    assert job.running
    with running_app(home, tmp_path / "second.log") as server:
        app = App(page, server)
        app.open("Video")
        expect(page.get_by_text("of 36,000 frames")).to_be_visible()
        expect(page.get_by_role("img", name="The picture that the analysis has reached")).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        eventually(lambda: (job.state, (job.folder / "upload").exists()) == (STOPPED, False), page)
        # The other video is analysed first.
        expect(player(page).locator("video")).to_be_visible(timeout=2 * PATIENCE_S * 1000)
        eventually(lambda: following.ended, page)
        for log in ("first.log", "second.log"):
            assert "Traceback" not in (tmp_path / log).read_text()


def test_the_page_has_one_column_on_a_phone(app: App, clip: Path, home: Path) -> None:
    queued(clip)
    store.start_next()
    app.page.set_viewport_size({"width": 400, "height": 900})
    page = app.open("Video")
    expect(player(page).locator("video")).to_be_visible()
    expect(page.get_by_role("link", name="CSV", exact=True)).to_be_visible()
    shares, timeline = page.get_by_role("img", name="Share of time"), page.locator('iframe[title*="video_player"]')

    def the_player_stands_above_the_shares() -> bool:
        above, below = timeline.bounding_box(), shares.bounding_box()
        assert above is not None and below is not None
        return above["width"] > 300 and below["y"] >= above["y"] + above["height"]

    eventually(the_player_stands_above_the_shares, page)
    expect_to_fit(page)
