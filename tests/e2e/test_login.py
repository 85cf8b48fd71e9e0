"""Login in a real browser, at a real OpenID provider on this machine."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from oidc_provider_mock import run_server_in_thread
from playwright.sync_api import expect

from tests.support.browser import App, log_in
from tests.support.login import variables
from tests.support.serving import Server, running_app

_TRAINER = "trainer@example.org"


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start a provider that knows three people, and the app with a login there."""
    with run_server_in_thread() as provider:
        issuer = f"http://localhost:{provider.server_port}"
        for name in ("viewer", "trainer", "stranger"):
            domain = "example.com" if name == "stranger" else "example.org"
            email = f"{name}@{domain}"
            httpx.put(f"{issuer}/users/{email}", json={"email": email}).raise_for_status()
        log = tmp_path_factory.mktemp("server") / "server.log"
        with running_app(home, log, variables(issuer)) as server:
            yield server


def test_nothing_before_login_and_the_role_after_it(app: App, home: Path) -> None:
    page = app.open("Training")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    expect(page.get_by_test_id("stMain").get_by_role("button")).to_have_count(1)
    expect(page.get_by_test_id("stSidebar")).to_have_count(0)

    log_in(page, _TRAINER)
    menu = page.get_by_test_id("stSidebar")
    expect(menu.get_by_text(f"{_TRAINER} · trainer")).to_be_visible()
    menu.get_by_role("link", name="Data").click()
    page.get_by_text("Synthetic faces", exact=True).click()
    page.get_by_role("button", name="Import synthetic faces").click()
    expect(page.get_by_text("Imported 'synthetic-faces'")).to_be_visible()
    entry = json.loads((home / "access" / "audit.jsonl").read_text())
    assert (entry["who"], entry["action"], entry["name"]) == (_TRAINER, "imported", "synthetic-faces")

    menu.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="End session").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_a_viewer_has_no_training(app: App) -> None:
    page = app.open()
    log_in(page, "viewer@example.org")
    menu = page.get_by_test_id("stSidebar")
    expect(menu.get_by_role("link", name="Upload")).to_be_visible()
    expect(menu.get_by_role("link", name="Training")).to_have_count(0)
    app.open("Training")
    expect(page.get_by_text("This page is for the role 'trainer', and yours is 'viewer'.")).to_be_visible()


def test_a_stranger_is_told_whom_to_ask(app: App) -> None:
    page = app.open("Upload")
    log_in(page, "stranger@example.com")
    expect(page.get_by_text("nobody has given you a role here")).to_be_visible()
    expect(page.get_by_test_id("stFileUploader")).to_have_count(0)
