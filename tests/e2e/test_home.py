"""Home in a real browser."""

import re
import time
from typing import Literal

import pytest
from playwright.sync_api import expect

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
