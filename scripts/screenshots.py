"""Take a picture of every page for the docs, with synthetic faces and a public-domain portrait only.

    python -m scripts.screenshots                                        # docs/images, 1280 pixels wide, light
    python -m scripts.screenshots --out review --width 400 --dark

Most pages need a small model, which the first call trains on synthetic faces in a few minutes. With `--state FOLDER`
later calls find it there.
"""

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import cv2
from PIL import Image
from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright

from fer.datasets.faces import SPLITS
from fer.datasets.synthetic import make_synthetic
from fer.emotions import EMOTIONS
from fer.paths import CHECKOUT
from fer.vision.images import decode
from fer.vision.samples import sample_portrait
from tests.support import live_driver
from tests.support.browser import IDLE, MISSING, camera_flags, find_browser
from tests.support.camera import FPS, portrait_frames, write_portrait_video
from tests.support.clips import Clip
from tests.support.serving import running_app

_PATIENCE_MS: Final = 120_000
_DATASET: Final = "synthetic-faces"
_PHOTOS: Final = "portraits"
_RUN: Final = "First try"
# Settings that learn something from 700 images in minutes.
_SETTINGS: Final = (
    *("--network", "small", "--epochs", "15", "--batch-size", "16", "--weight-averaging", "0", "--dropout", "0.1"),
    *("--label-smoothing", "0", "--erasing", "0", "--rotation-degrees", "5", "--scale", "0.05", "--shift", "0.03"),
)
# Long enough for timelines with some content.
_LIVE_MS: Final = 25_000
_REPEATS: Final = 3


def _settle(page: Page) -> None:
    """Wait until the script has run and the charts are complete."""
    page.locator(IDLE).wait_for(state="attached")
    page.wait_for_timeout(2500)


def _live(page: Page, _: Path) -> None:
    live_driver.accept(page)
    live_driver.start(page)
    page.wait_for_timeout(_LIVE_MS)


def _upload(page: Page, folder: Path) -> None:
    photo = folder / "astronaut.png"
    photo.write_bytes(sample_portrait())
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(photo)
    page.get_by_text("512 × 512 pixels").wait_for()


def _video(page: Page, folder: Path) -> None:
    clip = Clip(rate=FPS).write(folder / "astronaut.mp4", _REPEATS * portrait_frames())
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(clip)
    page.get_by_role("button", name="Analyse", exact=True).click()
    page.get_by_text("Strongest moments").wait_for()


def _batch(page: Page, folder: Path) -> None:
    # What is analysed is copied below the data folder of the app that was started.
    page.get_by_role("combobox", name="Folders and files").click()
    page.get_by_role("option", name=f"data/{_PHOTOS}", exact=True).click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("Downloads", exact=True).wait_for()


def _choose_run(page: Page, _: Path) -> None:
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    table.click(position={"x": 18, "y": 52})  # the first row's box; the table is a canvas


def _evaluate(page: Page, _: Path) -> None:
    page.get_by_role("combobox", name="Model A").click()
    page.get_by_role("option", name=_RUN).first.click()
    _settle(page)
    with suppress(TimeoutError):  # no button if the result is stored already
        page.get_by_role("button", name="Evaluate").click(timeout=5000)
    page.get_by_test_id("stMetric").first.wait_for()


def _nothing(page: Page, _: Path) -> None:
    """Show the page as it opens."""


# By the picture's name: the page's address, and the actions before the picture is taken.
PAGES: Final[dict[str, tuple[str, Callable[[Page, Path], None]]]] = {
    "home": ("", _nothing),
    "live": ("Live", _live),
    "upload": ("Upload", _upload),
    "video": ("Video", _video),
    "training": ("Training", _choose_run),
    "batch": ("Batch", _batch),
    "evaluation": ("Evaluation", _evaluate),
    "data": ("Data", _nothing),
}
# These look the same without a dataset and a run.
_EMPTY: Final = {"live", "upload", "video", "batch"}


def make_state(home: Path) -> None:
    """Fill a FER_HOME: a dataset of synthetic faces, a run that has trained on it, and its evaluation."""
    if (home / "data" / _DATASET).is_dir():
        return
    with tempfile.TemporaryDirectory() as folder:
        _write_faces(Path(folder) / _DATASET)
        # From inside that folder, because the page shows the path that was typed.
        _fer(home, "data", "import", _DATASET, folder=Path(folder))
    _fer(home, "train", "--data", _DATASET, "--name", _RUN, *_SETTINGS)
    (run,) = (home / "runs").glob("2*")
    _fer(home, "evaluate", _DATASET, "--model", str(run / "bundle"))


def _write_portraits(home: Path) -> None:
    """Put copies of a public-domain portrait into two folders, from two years."""
    portrait = decode(sample_portrait())
    for number in range(12):
        file = home / "data" / _PHOTOS / ("2024", "2025")[number % 2] / f"{number:02}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        turned = cv2.getRotationMatrix2D((256, 256), 5 * (number - 6), 1.0)
        cv2.imwrite(str(file), cv2.warpAffine(portrait, turned, (512, 512)))
        moment = datetime(2024 + number % 2, 1 + number // 2, 1, tzinfo=UTC).timestamp()
        os.utime(file, (moment, moment))
    (file.parent / "broken.jpg").write_bytes(b"not a photo")


def _write_faces(folder: Path) -> None:
    dataset = make_synthetic()
    for number, (image, label, split) in enumerate(zip(dataset.images, dataset.labels, dataset.splits, strict=True)):
        target = folder / SPLITS[split] / EMOTIONS[label]
        target.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(target / f"{number:04}.png"), image)


def _fer(home: Path, *arguments: str, folder: Path = CHECKOUT) -> None:
    environment = {**os.environ, "FER_HOME": str(home), "PYTHONPATH": str(CHECKOUT)}
    subprocess.run([sys.executable, "-m", "fer", *arguments], cwd=folder, env=environment, check=True)


def _take(browser: Browser, url: str, name: str, target: Path, size_wh: tuple[int, int], dark: bool) -> None:
    address, prepare = PAGES[name]
    width, max_height = size_wh
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    with context, tempfile.TemporaryDirectory() as folder:
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(f"{url}/{address}")
        _settle(page)
        prepare(page, Path(folder))
        _settle(page)
        page.mouse.move(width // 2, 2)
        # Streamlit scrolls inside the page, so the window has to be as high as the content, which may grow with it.
        for _ in range(2):
            height = page.get_by_test_id("stMain").evaluate("element => element.scrollHeight")
            page.set_viewport_size({"width": width, "height": min(int(height), max_height)})
            _settle(page)
        page.get_by_test_id("stMain").evaluate("element => element.scrollTo(0, 0)")
        picture = page.screenshot()
    # A quarter of PNG's size. A palette would be small too, but photos would use up its colours.
    Image.open(io.BytesIO(picture)).convert("RGB").save(target, quality=90, method=6)
    click.echo(target)


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(PAGES)))
@click.option("--out", type=click.Path(path_type=Path), default=CHECKOUT / "docs" / "images", help="Folder to write to")
@click.option("--width", default=1280, show_default=True, help="Width of the window, in pixels")
@click.option("--height", default=1500, show_default=True, help="Most that is shown of a page, in pixels")
@click.option("--dark", is_flag=True, help="Take the dark theme")
@click.option(
    "--state", type=click.Path(path_type=Path), help="FER_HOME to fill and keep  [default: a temporary folder]"
)
def main(names: tuple[str, ...], out: Path, width: int, height: int, dark: bool, state: Path | None) -> None:
    """Take pictures of the pages NAMES, or of all."""
    chromium = find_browser()
    if chromium is None:
        raise click.ClickException(MISSING)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home, camera = state or Path(folder) / "home", Path(folder) / "camera.y4m"
        home.mkdir(parents=True, exist_ok=True)
        if set(names or PAGES) - _EMPTY:
            make_state(home.absolute())
        _write_portraits(home.absolute())
        write_portrait_video(camera)
        with running_app(home.absolute(), Path(folder) / "log.txt") as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=camera_flags(camera))
            for name in names or PAGES:
                _take(browser, server.url, name, out / f"{name}.webp", (width, height), dark)
                if complaints := server.complaints():
                    raise click.ClickException(f"The page {name} failed:\n{complaints}")
            browser.close()


if __name__ == "__main__":
    main()
