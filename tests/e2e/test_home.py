"""Home in a real browser."""

from playwright.sync_api import expect

from tests.e2e.conftest import App


def test_the_menu_leads_to_upload_and_back(app: App) -> None:
    page = app.open()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_role("link", name="Upload").click()
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()
    assert page.url.endswith("/Upload")
    page.get_by_test_id("stSidebar").get_by_role("link", name="Home").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
