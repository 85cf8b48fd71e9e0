"""Home in a real browser."""

import time

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import App


def test_the_menu_leads_to_upload_and_back(app: App) -> None:
    page = app.open()
    expect(page.get_by_role("heading", name="Facial expression recognition")).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_role("link", name="Upload").click()
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()
    assert page.url.endswith("/Upload")
    page.get_by_test_id("stSidebar").get_by_role("link", name="Home").click()
    expect(page.get_by_role("heading", name="Facial expression recognition")).to_be_visible()


def test_home_shows_the_model_its_speed_and_a_sample(app: App) -> None:
    page = app.open()
    expect(page.get_by_text("Model in use")).to_be_visible()
    expect(page.get_by_test_id("stMetricValue").filter(has_text=" ms")).to_be_visible()
    expect(page.get_by_role("img", name="Portrait of a smiling astronaut")).to_be_visible()
    page.get_by_test_id("stMain").get_by_role("link", name="Try a photo").click()
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system(app: App, scheme: str) -> None:
    app.page.emulate_media(color_scheme=scheme)
    page = app.open()
    color = page.get_by_test_id("stApp").evaluate("node => getComputedStyle(node).backgroundColor")
    red = int(color.removeprefix("rgb(").split(",")[0])
    assert (red > 200) == (scheme == "light")


def test_the_way_back_home_is_short(app: App) -> None:
    """Home computes nothing: 1 s is the aim, and 5 leave room for a busy machine."""
    page = app.open("Upload")
    start = time.monotonic()
    page.get_by_test_id("stSidebar").get_by_role("link", name="Home").click()
    expect(page.get_by_text("Model in use")).to_be_visible()
    assert time.monotonic() - start < 5
