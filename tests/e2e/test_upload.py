"""Upload in a real browser: files, camera, sample, table, downloads."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from fer.vision.images import decode, encode_jpeg, encode_png
from tests.support.browser import PATIENCE_S, App, drawn_table, eventually, expect_loaded, expect_to_fit
from tests.support.builders import group_bgr, portrait_bgr
from tests.support.serving import Server, running_app

# What the tiny model predicts for the portrait, whose face has a medium grey.
LOOKS = "looks happy"
_ROW_PX = 35
_MANY = 100
# How Streamlit's own Stop would be shown; it comes and goes too fast to wait for it.
STREAMLITS_STOP = """() => {
    const widget = document.createElement("div");
    widget.dataset.testid = "stStatusWidget";
    document.body.append(widget);
    const { display } = getComputedStyle(widget);
    widget.remove();
    return display;
}"""


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the app with a known folder for temporary files."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    (home / "tmp").mkdir()
    with running_app(home, log, {"TMPDIR": str(home / "tmp")}) as server:
        yield server


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    (folder / "me.jpg").write_bytes(encode_jpeg(portrait_bgr()))
    (folder / "group.jpg").write_bytes(encode_jpeg(group_bgr(side=320)))
    (folder / "wall.png").write_bytes(encode_png(np.full((300, 300, 3), 200, np.uint8)))
    (folder / "broken.jpg").write_bytes(b"no picture at all")
    return folder


def drop(page: Page, *files: Path) -> None:
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(files)


def click_row(page: Page, number: int) -> None:
    """Click a row of the table, counted from 1. The table is a canvas, so there is no element to click."""
    # While the page reruns, the previous table still exists.
    expect(page.get_by_test_id("stDataFrame")).to_have_count(1)
    drawn_table(page).click(position={"x": 120, "y": _ROW_PX * number + _ROW_PX // 2})


def expect_analysed(page: Page, n_photos: int) -> None:
    """Wait until the table has all photos. The first photos are shown, and can be downloaded, before the last ones."""
    expect(drawn_table(page).locator("[role=grid]")).to_have_attribute("aria-rowcount", str(n_photos + 1))
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def downloaded(page: Page, button: str) -> bytes:
    with page.expect_download(timeout=120_000) as waiting:
        page.get_by_role("button", name=button, exact=True).first.click()
    return Path(waiting.value.path()).read_bytes()


def test_a_photo_is_read_and_nothing_is_written_to_disk(app: App, photos: Path) -> None:
    page = app.open("Upload")
    before = sorted(app.server.home.rglob("*"))
    drop(page, photos / "me.jpg")
    expect(page.get_by_text(f"Face 1 {LOOKS}")).to_be_visible()
    expect(page.get_by_text("me.jpg · 512 × 512 pixels · 1 face")).to_be_visible()
    expect(page.get_by_role("img", name=f"The photo me.jpg: {LOOKS}")).to_be_visible()
    assert sorted(app.server.home.rglob("*")) == before


def test_many_photos_with_a_broken_one_and_results_that_survive_leaving_the_page(app: App, photos: Path) -> None:
    page = app.open("Upload")
    drop(page, *(photos / name for name in ("me.jpg", "broken.jpg", "wall.png", "group.jpg")))
    expect(page.get_by_text("1 file could not be read.")).to_be_visible()
    expect(page.get_by_text("me.jpg · 512 × 512 pixels · 1 face")).to_be_visible()
    expect_analysed(page, 3)

    click_row(page, 2)
    expect(page.get_by_text("No face was found. Try")).to_be_visible()
    click_row(page, 3)
    expect(page.get_by_text("group.jpg · 1280 × 960 pixels · 12 faces")).to_be_visible()
    page.get_by_test_id("stPagination").get_by_text("3", exact=True).click()
    expect(page.get_by_text("Face 12")).to_be_visible()

    page.get_by_test_id("stSidebar").get_by_role("link", name="Home").click()
    expect(page.get_by_text("Model in use").first).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_role("link", name="Upload").click()
    expect(page.get_by_text("group.jpg · 1280 × 960 pixels · 12 faces")).to_be_visible()
    expect(page.get_by_text("1 file could not be read.")).to_be_visible()


def test_downloads_hold_every_file_and_the_annotated_photo(app: App, photos: Path) -> None:
    page = app.open("Upload")
    drop(page, *(photos / name for name in ("me.jpg", "broken.jpg", "wall.png")))
    expect(page.get_by_text("1 file could not be read.")).to_be_visible()
    expect_analysed(page, 2)

    rows = list(csv.DictReader(io.StringIO(downloaded(page, "CSV of faces").decode())))
    assert [(row["file"], row["face"], row["label"]) for row in rows] == [("me.jpg", "1", "happy")]
    objects = json.loads(downloaded(page, "JSON"))["files"]
    assert [(entry["file"], len(entry["faces"])) for entry in objects] == [
        ("me.jpg", 1),
        ("wall.png", 0),
        ("broken.jpg", 0),
    ]
    files = list(csv.DictReader(io.StringIO(downloaded(page, "CSV of photos").decode())))
    assert [(row["file"], row["faces"]) for row in files] == [("me.jpg", "1"), ("wall.png", "0"), ("broken.jpg", "")]
    with zipfile.ZipFile(io.BytesIO(downloaded(page, "Annotated photos"))) as archive:
        pictures = {name: decode(archive.read(name)) for name in archive.namelist()}
    assert len(pictures) == 2
    annotated = next(picture for name, picture in pictures.items() if name.startswith("me"))
    assert annotated.shape == (512, 512, 3)
    changed = np.abs(annotated.astype(int) - portrait_bgr()).max(axis=2) > 60
    assert 0.001 < changed.mean() < 0.2, "a box and a label, and the rest of the photo as it was"


def test_a_photo_removed_from_the_uploader_leaves_the_page(app: App, photos: Path) -> None:
    page = app.open("Upload")
    drop(page, photos / "me.jpg", photos / "wall.png")
    expect(page.get_by_text("me.jpg · 512 × 512")).to_be_visible()
    page.get_by_test_id("stFileUploader").get_by_role("button", name="Remove").first.click()
    expect(page.get_by_text("wall.png · 300 × 300 pixels · 0 faces")).to_be_visible()
    drop(page, photos / "group.jpg")
    expect(page.get_by_text("group.jpg · 1280 × 960")).to_be_visible()
    page.get_by_role("button", name="Clear the list").click()
    expect(page.get_by_test_id("stDataFrame")).to_have_count(0)
    expect(page.get_by_test_id("stFileUploader").get_by_text("group.jpg")).to_have_count(0)


def test_a_snapshot_from_the_camera_is_analysed(app: App) -> None:
    page = app.open("Upload")
    page.get_by_role("radio", name="Take a snapshot").click()
    page.get_by_role("button", name="Take Photo").wait_for()
    # Before the camera's first picture the button does nothing.
    page.wait_for_function("document.querySelector('video')?.videoWidth > 0")
    page.get_by_role("button", name="Take Photo").click()
    expect(page.get_by_text("snapshot.jpg ·")).to_be_visible()
    expect(page.get_by_text("Face 1")).to_be_visible()


def test_the_page_has_one_column_on_a_phone(app: App, photos: Path) -> None:
    app.page.set_viewport_size({"width": 400, "height": 900})
    page = app.open("Upload")
    drop(page, photos / "me.jpg")
    photo, bars = page.get_by_role("img", name="The photo me.jpg"), page.get_by_role("img", name="Probabilities")
    expect(bars).to_be_visible()
    expect_loaded(photo)

    def in_one_column() -> bool:
        photo_box, bars_box = photo.bounding_box(), bars.bounding_box()
        assert photo_box is not None and bars_box is not None
        below = photo_box["width"] > 300 and bars_box["y"] > photo_box["y"] + photo_box["height"]
        return below and bars_box["x"] + bars_box["width"] <= 400

    eventually(in_one_column, page)
    expect_to_fit(page)


def test_downloads_take_one_click_even_if_each_request_takes_a_second_longer(
    app: App, photos: Path, browser: Browser
) -> None:
    page = app.open("Upload")
    drop(page, *(photos / name for name in ("me.jpg", "group.jpg")))
    expect_analysed(page, 2)
    # Another visitor's page, drawn again and again, is what sweeps files away.
    other = browser.new_page()
    other.goto(f"{app.server.url}/Upload")

    def late(route: Route) -> None:
        for _ in range(4):
            other.get_by_role("switch", name="Show why").dispatch_event("click")
            other.wait_for_timeout(300)
        route.continue_()

    page.route("**/*", late)
    with zipfile.ZipFile(io.BytesIO(downloaded(page, "Annotated photos"))) as archive:
        assert len(archive.namelist()) == 2
    assert len(downloaded(page, "CSV of faces").decode().splitlines()) == 14
    page.unroute_all(behavior="ignoreErrors")
    other.close()


def test_many_photos_show_one_stop_which_keeps_what_is_done(app: App, tmp_path: Path) -> None:
    # So many that a fast machine is still busy when the browser has drawn the button.
    group = encode_jpeg(group_bgr(side=480))
    for number in range(_MANY):
        (tmp_path / f"{number:03}.jpg").write_bytes(group + f"{number}".encode())
    page = app.open("Upload")
    drop(page, *sorted(tmp_path.glob("*.jpg")))
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    assert page.evaluate(STREAMLITS_STOP) == "none"
    stop.click()
    expect(page.get_by_text("Stopped: ")).to_be_visible()
    waiting = int(page.get_by_text("Stopped: ").inner_text().split()[1])
    assert 0 < waiting < _MANY
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Stopped: ")).to_have_count(0)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Home").click()
    expect(page.get_by_text("Model in use").first).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_role("link", name="Upload").click()
    expect(page.get_by_role("button", name="Clear the list")).to_be_visible()
    expect(page.get_by_role("region", name=f"Table of {_MANY} photos")).to_be_visible()
    app.settle()
    expect(stop).to_have_count(0)
    assert len(downloaded(page, "CSV of photos").decode().splitlines()) == _MANY + 1


def test_a_folder_keeps_the_names_of_its_folders_which_are_groups(app: App, photos: Path, tmp_path: Path) -> None:
    for name in ("before", "after"):
        for number in range(3):
            (tmp_path / "study" / name).mkdir(parents=True, exist_ok=True)
            content = (photos / "me.jpg").read_bytes() + f"{name}{number}".encode()
            (tmp_path / "study" / name / f"{number}.jpg").write_bytes(content)
    page = app.open("Upload")
    page.get_by_role("radio", name="Choose a folder").click()
    page.locator("input[webkitdirectory]").set_input_files(tmp_path / "study")
    expect_analysed(page, 6)
    rows = csv.DictReader(io.StringIO(downloaded(page, "CSV of photos").decode()))
    assert {row["file"] for row in rows} == {f"study/{name}/{n}.jpg" for name in ("before", "after") for n in range(3)}

    page.get_by_text("Summary", exact=True).click()
    # Another process draws its charts, after it has imported matplotlib.
    expect(page.get_by_text("We analysed 6 photos")).to_be_visible(timeout=2 * PATIENCE_S * 1000)
    by_folder = page.get_by_role("radio", name="Folder", exact=True)

    def chosen() -> bool:
        by_folder.click()
        return by_folder.is_checked()

    # While the charts appear, a click can land where the choice was.
    eventually(chosen, page)
    expect(page.get_by_text("Do the groups differ?")).to_be_visible()
    chart = page.get_by_role("img", name="Shares of the expressions")
    expect_loaded(chart)
    assert downloaded(page, "SVG").startswith(b"<?xml")
    assert b">after</th>" in downloaded(page, "Summary as HTML")
