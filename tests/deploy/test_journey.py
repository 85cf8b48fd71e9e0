"""From a login to a camera, through what deploy/ ships: Caddy, a container of the image 'full', and coturn."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserType, Page, expect

from fer.vision.samples import sample_portrait
from tests.support.browser import camera_flags, eventually, expect_loaded, find_browser, log_in
from tests.support.deployment import URL, Deployment, deployed, relay
from tests.support.live_driver import PATIENCE_MS, accept, camera, expect_frames, start, stop
from tests.support.network_namespaces import VIEWER, within

# The first import of TensorFlow compiles it, in memory. On two busy cores, an epoch takes many minutes.
_TRAINING_MS = 1_500_000
_ASK = """paths => Promise.all(paths.map(async path => {
    const answer = await fetch(path);
    return [path, answer.status, (await answer.text()).length];
}))"""

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def deployment(image_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(image_folder, tmp_path_factory.mktemp("deployment"), "full") as deployment:
        yield deployment


@pytest.fixture(scope="module")
def browser(
    browser_type: BrowserType, fake_camera: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """Start a browser in the viewer's network."""
    with _browser(browser_type, tmp_path_factory.mktemp("browser"), camera_flags(fake_camera)) as browser:
        yield browser


@contextmanager
def _browser(browser_type: BrowserType, folder: Path, arguments: list[str]) -> Iterator[Browser]:
    program = folder / "chromium"
    program.write_text(f'#!/bin/sh\nexec {" ".join(within(VIEWER))} {find_browser()} "$@"\n')
    program.chmod(0o755)
    expect.set_options(timeout=PATIENCE_MS)
    browser = browser_type.launch(executable_path=program, args=arguments)
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def visitor(browser: Browser, path: str = "", email: str = "") -> Iterator[Page]:
    """Open a page as somebody new, and log in if an address is given."""
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{URL}/{path}")
    if email:
        log_in(page, email)
        expect(page.get_by_test_id("stSidebar").get_by_text(email)).to_be_visible()
        page.goto(f"{URL}/{path}")
    try:
        yield page
    finally:
        context.close()


@pytest.mark.timeout(5400)  # the build, if no other test was before
def test_without_login_there_is_a_button_and_nothing_else(deployment: Deployment, browser: Browser) -> None:
    for path in ("", "Live", "Upload", "Video", "Training", "Evaluation", "Data"):
        with visitor(browser, path) as page:
            expect(page.get_by_role("button", name="Log in")).to_be_visible()
            expect(page.get_by_test_id("stMain").get_by_role("button")).to_have_count(1)
            expect(page.get_by_test_id("stSidebar")).to_have_count(0)
            if path == "Live":
                expect(page.locator("iframe")).to_have_count(0)
    closed = {
        "/_stcore/metrics": 404,
        "/_stcore/agent/openapi.json": 404,
        "/media/0123456789abcdef.jpg": 403,
        "/videos/x/rows.csv": 403,
        "/_stcore/upload_file/x/y": 403,
    }
    with visitor(browser) as page:
        answers = page.evaluate(_ASK, list(closed))
        assert {path: status for path, status, _ in answers} == closed
        assert all(length < 30 for *_, length in answers), answers


def test_a_photo_and_its_faces_are_shown_to_nobody_else(
    deployment: Deployment, browser: Browser, tmp_path: Path
) -> None:
    photo = tmp_path / "portrait.jpg"
    photo.write_bytes(sample_portrait())
    with visitor(browser, "Upload", "viewer@example.org") as page:
        page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(photo)
        expect(page.get_by_text("looks happy").first).to_be_visible()
        pictures = page.locator("img[src*='/media/']")
        expect_loaded(pictures)
        addresses = [picture.get_attribute("src") for picture in pictures.all()]

        def answers(asking: Page) -> set[int]:
            return {status for _, status, _ in asking.evaluate(_ASK, addresses)}

        assert answers(page) == {200}
        with visitor(browser) as stranger:
            assert answers(stranger) == {403}
        with visitor(browser, "", "other@example.org") as other:
            assert answers(other) == {403}
    assert not list(deployment.state.rglob("*.jpg")), "a photo was written to the disk"


def test_a_login_cannot_be_replayed(deployment: Deployment, browser: Browser) -> None:
    with visitor(browser) as page:
        answers: list[str] = []
        callback = f"{URL}/oauth2callback"
        page.on("request", lambda sent: answers.append(sent.url) if sent.url.startswith(callback) else None)
        log_in(page, "trainer@example.org")
        expect(page.get_by_test_id("stSidebar").get_by_text("trainer@example.org · trainer")).to_be_visible()
    assert len(answers) == 1 and "code=" in answers[0]
    with visitor(browser) as thief:
        thief.goto(answers[0])
        expect(thief.get_by_role("button", name="Log in")).to_be_visible()
        expect(thief.get_by_test_id("stSidebar")).to_have_count(0)


def test_frames_arrive_by_relay(deployment: Deployment, browser: Browser) -> None:
    with relay(deployment.logs), visitor(browser, "Live", "viewer@example.org") as page:
        accept(page)
        start(page)
        expect_frames(page, more_than=10)
        stop(page)
    assert "CREATE_PERMISSION processed, success" in deployment.coturn_log


def test_with_a_wrong_secret_no_frame_arrives_and_the_page_says_why(deployment: Deployment, browser: Browser) -> None:
    with relay(deployment.logs, "another secret"), visitor(browser, "Live", "viewer@example.org") as page:
        accept(page)
        start(page)
        expect(page.get_by_text("No route to this server").first).to_be_visible()
        expect(page.get_by_text("your browser got no address from it").first).to_be_visible()
    assert "CREATE_PERMISSION processed, success" not in deployment.coturn_log


def test_a_missing_camera_is_told_apart_from_a_missing_route(
    deployment: Deployment, browser_type: BrowserType, tmp_path: Path
) -> None:
    with (
        _browser(browser_type, tmp_path, ["--use-fake-ui-for-media-stream"]) as browser,
        visitor(browser, "Live", "viewer@example.org") as page,
    ):
        accept(page)
        start(page)
        expect(camera(page).get_by_text("NotFoundError")).to_be_visible()
        expect(page.get_by_text("No route to this server")).to_have_count(0)


@pytest.mark.timeout(3600)
def test_a_trainer_trains_and_a_viewer_cannot(deployment: Deployment, browser: Browser) -> None:
    with visitor(browser, "Training", "trainer@example.org") as page:
        page.get_by_text("All settings, starting from").click()
        for name, value in (("Fraction", "0.1"), ("Epochs", "1000")):
            field = page.get_by_label(name, exact=True)
            field.fill(value)
            field.press("Enter")
        page.get_by_text("Command", exact=True).click()
        expect(page.get_by_text("--fraction 0.1 --epochs 1000")).to_be_visible()
        page.locator(".st-key-training_start_expert button").click()
        stop_button = page.locator('[class*="st-key-training_stop_"] button').first
        expect(stop_button).to_be_visible()
        try:
            eventually(lambda: _epochs(deployment) >= 1, page, _TRAINING_MS / 1000)
            with visitor(browser, "Training", "viewer@example.org") as other:
                expect(other.get_by_text("This page is for the role 'trainer', and yours is 'viewer'.")).to_be_visible()
                expect(other.get_by_test_id("stSidebar").get_by_role("link", name="Training")).to_have_count(0)
                expect(other.get_by_test_id("stMain").get_by_role("button")).to_have_count(0)
        finally:
            stop_button.click()
        expect(page.get_by_text("No training is running")).to_be_visible(timeout=_TRAINING_MS)
    (folder,) = (deployment.state / "runs").glob("*/config.json")
    assert folder.stat().st_uid == 10001
    log = (deployment.state / "access" / "audit.jsonl").read_text().splitlines()
    assert ['"trainer@example.org"' in line and '"run"' in line for line in log[-2:]] == [True, True]
    assert '"started"' in log[-2] and '"stopped"' in log[-1]


def _epochs(deployment: Deployment) -> int:
    return sum(len(list(csv.DictReader(file.open()))) for file in (deployment.state / "runs").glob("*/metrics.csv"))
