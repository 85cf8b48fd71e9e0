"""Home in a real browser."""

import re
import time
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from fer.ui.frame import MENU
from tests.support.browser import App


def test_the_menu_leads_to_upload_and_back(app: App) -> None:
    page = app.open()
    expect(page.get_by_role("heading", name="Facial expression recognition")).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_role("link", name="Upload").click()
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()
    expect(page).to_have_url(re.compile("/Upload$"))
    page.get_by_test_id("stSidebar").get_by_role("link", name="Home").click()
    expect(page.get_by_role("heading", name="Facial expression recognition")).to_be_visible()


def test_home_shows_the_model_its_speed_and_a_sample(app: App) -> None:
    page = app.open()
    expect(page.get_by_text("Model in use")).to_be_visible()
    expect(page.get_by_test_id("stMetricValue").filter(has_text=" ms")).to_be_visible()
    expect(page.get_by_role("img", name="Portrait of a smiling astronaut")).to_be_visible()
    page.get_by_test_id("stMain").get_by_role("button", name="Analyse photos").click()
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system(app: App, scheme: Literal["light", "dark"]) -> None:
    app.page.emulate_media(color_scheme=scheme)
    page = app.open()
    red_is_high = r"^rgb\(2[0-5]\d,"
    app_itself = expect(page.get_by_test_id("stApp"))
    if scheme == "light":
        app_itself.to_have_css("background-color", re.compile(red_is_high))
    else:
        app_itself.not_to_have_css("background-color", re.compile(red_is_high))


@pytest.mark.alone
def test_the_way_back_home_is_short(app: App) -> None:
    """Home computes nothing: the target is 1 s, and 5 s leave room for a busy machine."""
    page = app.open("Upload")
    start = time.monotonic()
    page.get_by_test_id("stSidebar").get_by_role("link", name="Home").click()
    expect(page.get_by_text("Model in use")).to_be_visible()
    assert time.monotonic() - start < 5


def test_the_pages_contact_no_other_server(app: App) -> None:
    asked: set[str] = set()
    app.page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    for entry in MENU:
        app.open("" if entry.label == "Home" else entry.label)
        expect(app.page.get_by_test_id("stSidebar").get_by_role("link", name=entry.label)).to_be_visible()
        # The browser fetches icons on its own, and Playwright doesn't report that.
        icons = app.page.locator('link[rel*="icon"]').evaluate_all("links => links.map(link => link.href)")
        asked.update(urlsplit(icon).netloc for icon in icons)
    app.page.wait_for_timeout(1000)
    # '' stands for data: and blob: URLs.
    assert asked - {""} == {urlsplit(app.server.url).netloc}
