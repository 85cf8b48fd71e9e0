"""The content security policy in a real browser: photos, charts and the camera work under it.

That no page breaks it is tested in test_process.py, which opens all of them.
"""

import pytest
from playwright.sync_api import expect

from fer.vision.samples import sample_portrait
from tests.support.browser import App, eventually, policy_violations
from tests.support.live_driver import accept, expect_frames, start


@pytest.fixture
def violations(app: App) -> list[str]:
    """Return a list that fills with what the browser refuses to load."""
    return policy_violations(app.page)


def test_a_photo_and_its_charts_keep_to_the_policy(app: App, violations: list[str]) -> None:
    page = app.open("Upload")
    photo = {"name": "portrait.jpg", "mimeType": "image/jpeg", "buffer": sample_portrait()}
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(photo)
    expect(page.get_by_role("img", name="Probabilities").first).to_be_visible()
    app.settle()
    assert violations == []


def test_the_camera_works_under_the_policy(app: App, violations: list[str]) -> None:
    page = app.open("Live")
    accept(page)
    start(page)
    expect_frames(page, more_than=5)
    assert violations == []


def test_a_script_from_elsewhere_is_refused(app: App, violations: list[str]) -> None:
    """The listener above hears what it should, and the policy is in force."""
    page = app.open()
    page.evaluate(
        "document.head.appendChild(Object.assign(document.createElement('script'), {src: 'https://evil.example/x.js'}))"
    )
    eventually(lambda: bool(violations), page)
