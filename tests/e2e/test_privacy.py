"""Visitors' pictures are never on disk, have secret addresses, and are freed when their tab closes."""

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from fer.vision.images import encode_jpeg, encode_png
from tests.support.browser import App
from tests.support.builders import portrait_bgr
from tests.support.serving import Server, running_app

_GONE_SECONDS = 40  # the sweep runs every five seconds; two busy cores
_POLL_SECONDS = 0.0005


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the app with a known folder for temporary files."""
    (home / "tmp").mkdir()
    log = tmp_path_factory.mktemp("server") / "server.log"
    with running_app(home, log, {"TMPDIR": str(home / "tmp")}) as server:
        yield server


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a portrait that differs a little from all others."""
    file = tmp_path_factory.mktemp("photos") / "me.jpg"
    file.write_bytes(encode_jpeg(portrait_bgr()))
    return file


def large_photo(folder: Path) -> Path:
    """Return a photo of 28 MB: a portrait with noise, which doesn't compress."""
    image = np.random.default_rng(0).integers(0, 256, (3050, 3060, 3), np.uint8)
    image[:512, :512] = portrait_bgr()
    file = folder / "large.png"
    file.write_bytes(encode_png(image))
    assert 27e6 < file.stat().st_size < 30e6
    return file


def drop(page: Page, *files: Path) -> None:
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(files)


@contextmanager
def open_files_of(pid: int) -> Iterator[set[str]]:
    """Every file that a process has open at any moment, a nameless one among them ('/tmp/#123 (deleted)')."""
    seen: set[str] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_POLL_SECONDS):
            for link in Path(f"/proc/{pid}/fd").iterdir():
                try:
                    seen.add(str(link.readlink()))
                except OSError:  # closed meanwhile
                    continue

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()


def temporary(seen: set[str], server: Server) -> list[str]:
    return [file for file in seen if file.startswith((str(server.home), "/tmp/#", "/dev/shm")) or "(deleted)" in file]


def media(page: Page) -> list[str]:
    """Return the addresses of the page's pictures, once they are drawn: the photo and the face in it."""
    pictures = page.locator('img[src*="/media/"]')
    expect(pictures).to_have_count(2)
    addresses: list[str] = pictures.evaluate_all("images => images.map(image => image.src)")
    return addresses


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


def gone(urls: list[str]) -> bool:
    deadline = time.monotonic() + _GONE_SECONDS
    while time.monotonic() < deadline:
        if not any(answers(url) for url in urls):
            return True
        time.sleep(0.5)
    return False


def test_a_photo_of_28_mb_is_never_on_disk(app: App, tmp_path: Path) -> None:
    page = app.open("Upload")
    before = sorted(app.server.home.rglob("*"))
    with open_files_of(app.server.pid) as seen:
        drop(page, large_photo(tmp_path))
        expect(page.get_by_text("large.png · 3060 × 3050 pixels")).to_be_visible()
    assert any("socket:" in file for file in seen), "the watcher saw nothing at all"
    # The page reads files that are there anyway, such as the one that names the model in use.
    assert [file for file in temporary(seen, app.server) if Path(file) not in before] == []
    assert sorted(app.server.home.rglob("*")) == before


def test_the_watcher_sees_what_a_dataset_leaves_on_disk(app: App, tmp_path: Path) -> None:
    table = tmp_path / "faces.csv"
    table.write_bytes(b"emotion,pixels,Usage\n" + b"0," + b"1 " * 20_000_000 + b",Training\n")
    page = app.open("Data")
    with open_files_of(app.server.pid) as seen:
        drop(page, table)
        deadline = time.monotonic() + _GONE_SECONDS
        while not temporary(set(seen), app.server) and time.monotonic() < deadline:
            page.wait_for_timeout(200)
    assert temporary(seen, app.server), "larger than a photo, it may be on disk"


def test_addresses_are_secret_and_end_with_the_tab(app: App, photo: Path, browser: Browser) -> None:
    page = app.open("Upload")
    drop(page, photo)
    expect(page.get_by_text("me.jpg · 512 × 512")).to_be_visible()
    app.settle()
    mine = media(page)
    other = browser.new_page()
    other.goto(f"{app.server.url}/Upload")
    drop(other, photo)
    expect(other.get_by_text("me.jpg · 512 × 512")).to_be_visible()
    theirs = media(other)
    assert not {url.rpartition("/")[2] for url in mine} & {url.rpartition("/")[2] for url in theirs}
    assert all(answers(url) for url in [*mine, *theirs])
    other.close()
    assert gone(theirs)
    assert all(answers(url) for url in mine)


def test_clear_the_list_frees_pictures_and_downloads(app: App, photo: Path) -> None:
    page = app.open("Upload")
    drop(page, photo)
    expect(page.get_by_text("me.jpg · 512 × 512")).to_be_visible()
    app.settle()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="JSON", exact=True).click()
    urls = [*media(page), waiting.value.url]
    assert all(answers(url) for url in urls)
    page.get_by_role("button", name="Clear the list").click()
    expect(page.get_by_test_id("stDataFrame")).to_have_count(0)
    assert gone(urls)


@pytest.mark.parametrize(
    "name",
    [
        " leading blank.jpg",
        "&lt;b&gt;.jpg",
        "<b>bold<b>.jpg",
        "https:evil.example.jpg",
        "www.evil.example.jpg",
        "me@evil.example.jpg",
        "[a](b) *c* `d` $e$ :smile: #1.jpg",
        "\u202egpj.exe",
    ],
)
def test_a_name_is_shown_verbatim_and_runs_nothing(app: App, photo: Path, tmp_path: Path, name: str) -> None:
    good, bad = tmp_path / name, tmp_path / f"{name}.bad"
    good.write_bytes(photo.read_bytes())
    bad.write_bytes(b"no picture")
    page = app.open("Upload")
    drop(page, good, bad)
    shown = name.strip().replace("\u202e", "\\u202e")
    expect(page.get_by_text(f"{shown} · 512 × 512 pixels · 1 face", exact=True)).to_be_visible()
    expect(page.get_by_text(f"{shown}.bad", exact=True).first).to_be_visible()
    main = page.get_by_test_id("stMain")
    expect(main.locator("a[href*=evil]")).to_have_count(0)
    expect(main.locator("b, em, .katex")).to_have_count(0)
