"""Every page behind a login: nothing before it, and each role gets its pages and actions."""

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fer.paths import CHECKOUT
from fer.runs import control, store
from fer.runs.progress import STOPPED
from fer.text import literal
from fer.ui.access import gate, records
from fer.ui.access.settings import Role
from fer.ui.frame import MENU
from tests.support.login import ACCESS, ADMIN, AUTH, STRANGER, TRAINER, VIEWER
from tests.support.markdown import plain

PAGES = ["app.py", *sorted(f"pages/{file.name}" for file in (CHECKOUT / "pages").glob("*.py"))]
OpenAs = Callable[..., AppTest]


@pytest.fixture
def open_as(fer_home: Path) -> Iterator[OpenAs]:
    """Return a function that opens a page with login on, as a person described by claims; None is before login."""
    st.cache_resource.clear()
    st.cache_data.clear()

    def open_as(script: str, claims: dict[str, Any] | None, **secrets: Any) -> AppTest:
        app = AppTest.from_file(str(CHECKOUT / "app.py"), default_timeout=60)
        app.secrets = {"auth": AUTH, "access": ACCESS, **secrets}
        app.user = {"is_logged_in": True, **claims} if claims else {"is_logged_in": False}
        app.run()
        return app if script == "app.py" else app.switch_page(script).run()

    yield open_as


def drawn(app: AppTest) -> list[str]:
    """Return the type of everything on the page, in its order, without what only arranges."""
    return [element.type for element in app if element.type not in ("root", "main", "sidebar", "event", "vertical")]


def contents(app: AppTest) -> str:
    return " ".join(str(getattr(element, "value", "")) for element in app)


def test_every_page_of_the_menu_is_known() -> None:
    assert {entry.path for entry in MENU if entry.exists} == set(PAGES)


@pytest.mark.parametrize("script", PAGES)
def test_a_page_does_nothing_before_its_gate(script: str) -> None:
    """Before `page_frame`, a page only imports; app.py in its `else`, where it is a script."""
    body = ast.parse((CHECKOUT / script).read_text()).body
    if script == "app.py":
        body = next(node for node in body if isinstance(node, ast.If)).orelse
    rest = [
        node
        for node in body
        if not isinstance(node, ast.Import | ast.ImportFrom)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    first = rest[0]
    assert isinstance(first, ast.Expr) and isinstance(first.value, ast.Call)
    assert isinstance(first.value.func, ast.Name) and first.value.func.id == "page_frame"


@pytest.mark.parametrize("script", PAGES)
def test_before_login_a_page_has_one_button(
    script: str, open_as: OpenAs, make_run: Callable[..., str], tiny_model: Path
) -> None:
    make_run(name="secret-run")
    app = open_as(script, None)
    assert drawn(app) == ["markdown", "button"]
    assert app.button[0].label == "Log in"
    assert "secret-run" not in contents(app) and not app.exception


@pytest.mark.parametrize("script", PAGES)
def test_someone_without_a_role_gets_nothing(script: str, open_as: OpenAs) -> None:
    app = open_as(script, STRANGER)
    assert drawn(app) == ["warning", "button"]
    assert literal("stranger@example.com") in app.warning[0].value and app.button[0].label == "Log out"


@pytest.mark.parametrize("script", PAGES)
@pytest.mark.parametrize(("claims", "role"), [(VIEWER, Role.VIEWER), (TRAINER, Role.TRAINER), (ADMIN, Role.ADMIN)])
def test_each_role_has_its_pages(
    script: str, claims: dict[str, Any], role: Role, open_as: OpenAs, tiny_model: Path
) -> None:
    app = open_as(script, claims)
    assert not app.exception
    needed = next(entry.role for entry in MENU if entry.path == script)
    if role >= needed:
        assert app.title and any(literal(claims["email"]) in caption.value for caption in app.caption)
    else:
        assert drawn(app) == ["warning"] and "is for the role 'trainer'" in app.warning[0].value


def test_pages_of_viewers() -> None:
    assert {entry.label for entry in MENU if entry.role == Role.VIEWER} <= {"Home", "Live", "Upload", "Video"}


@pytest.mark.parametrize("script", PAGES)
def test_wrong_settings_let_nobody_in(script: str, open_as: OpenAs) -> None:
    app = open_as(script, ADMIN, auth={**AUTH, "cookie_secret": "short"})
    assert drawn(app) == ["error"] and "openssl rand -hex 32" in plain(app.error[0].value)


def test_login_that_is_required_lets_nobody_in_without(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_REQUIRE_LOGIN", "1")
    app = AppTest.from_file(str(CHECKOUT / "app.py"), default_timeout=60).run()
    assert drawn(app) == ["error"] and "Login is required" in plain(app.error[0].value)


def test_a_viewer_sees_no_run_on_home(open_as: OpenAs, make_run: Callable[..., str], tiny_model: Path) -> None:
    make_run(name="secret-run")
    assert "secret-run" not in contents(open_as("app.py", VIEWER))
    assert "secret-run" in contents(open_as("app.py", TRAINER))


@pytest.mark.parametrize(("claims", "may"), [(TRAINER, False), (ADMIN, True)])
def test_only_an_admin_deletes_what_others_made(
    claims: dict[str, Any],
    may: bool,
    fer_home: Path,
    open_as: OpenAs,
    make_run: Callable[..., str],
    choose: Callable[..., None],
) -> None:
    run = make_run()
    choose(run)
    app = open_as("pages/3_Training.py", claims)
    button = app.button(key=f"training_delete_{run}")
    assert button.disabled is not may
    # A changed browser can press it all the same.
    button.proto.disabled = False
    button.click().run()
    assert (fer_home / "runs" / run).exists() is not may
    assert records.audit_file().exists() is may


def test_a_trainer_deletes_an_own_run_and_the_log_tells(
    open_as: OpenAs, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    run = make_run()
    choose(run)
    records.set_owner("run", run, f"{TRAINER['iss']} {TRAINER['sub']}")
    open_as("pages/3_Training.py", TRAINER).button(key=f"training_delete_{run}").click().run()
    entry = json.loads(records.audit_file().read_text())
    assert (entry["who"], entry["role"]) == (TRAINER["email"], "trainer")
    assert (entry["action"], entry["kind"], entry["name"]) == ("deleted", "run", run)
    assert records.owner_of("run", run) is None


@pytest.mark.parametrize(("claims", "may"), [(TRAINER, False), (ADMIN, True)])
def test_only_an_admin_resumes_what_others_made(
    claims: dict[str, Any],
    may: bool,
    open_as: OpenAs,
    make_run: Callable[..., str],
    choose: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resumed: list[str] = []
    monkeypatch.setattr(control, "resume", resumed.append)
    run = make_run(state=STOPPED)
    choose(run)
    app = open_as("pages/3_Training.py", claims)
    button = app.button(key=f"training_resume_{run}")
    assert button.disabled is not may
    # A changed browser can press it all the same.
    button.proto.disabled = False
    button.click().run()
    assert resumed == ([run] if may else [])


def test_the_settings_of_somebodys_active_run_give_nobody_else_that_run(open_as: OpenAs, fake_runs: None) -> None:
    def start(claims: dict[str, Any]) -> AppTest:
        app = open_as("pages/3_Training.py", claims)
        return next(button for button in app.button if button.key.startswith("training_start_")).click().run()

    start(ADMIN)
    [run] = store.active_runs()
    app = start(TRAINER)
    assert [one.id for one in store.active_runs()] == [run.id]
    assert "has these settings and is " in contents(app)
    assert records.owner_of("run", run.id) == f"{ADMIN['iss']} {ADMIN['sub']}"
    assert app.button(key=f"training_stop_{run.id}").disabled


def test_starting_a_run_makes_its_owner(open_as: OpenAs, fake_runs: None) -> None:
    app = open_as("pages/3_Training.py", TRAINER)
    next(button for button in app.button if button.key.startswith("training_start_")).click().run()
    entry = json.loads(records.audit_file().read_text().splitlines()[0])
    assert (entry["action"], entry["kind"]) == ("started", "run")
    assert records.owner_of("run", entry["name"]) == f"{TRAINER['iss']} {TRAINER['sub']}"


def test_without_login_nothing_is_logged_and_all_is_allowed(fer_home: Path, open_page: OpenAs) -> None:
    app = open_page("app.py")
    assert not any("Log" in button.label for button in app.button)
    assert not (fer_home / "access").exists()
    assert gate.refusal("deleted", "run", "a") is None


@pytest.mark.parametrize(
    ("address", "hosts", "expected"),
    [
        ("127.0.0.1", ["localhost", "127.0.0.1", "::1"], False),
        ("127.0.0.1", ["localhost", "fer.example.org"], True),
        ("127.0.0.1", [], True),
        ("0.0.0.0", ["localhost"], True),
        (None, ["localhost"], True),
        ("localhost", ["[::1]"], False),
    ],
)
def test_home_and_log_say_that_the_app_is_open(
    address: str | None,
    hosts: list[str],
    expected: bool,
    open_page: OpenAs,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    real = st.get_option
    options = {"server.address": address, "server.allowedHosts": hosts}
    monkeypatch.setattr(st, "get_option", lambda name: options[name] if name in options else real(name))
    app = open_page("app.py")
    assert any("Login is off" in warning.value for warning in app.warning) is expected
    gate.log_if_open()
    assert ("Login is off" in caplog.text) is expected


def test_the_app_is_not_open_with_login(open_as: OpenAs, monkeypatch: pytest.MonkeyPatch) -> None:
    real = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: "0.0.0.0" if name == "server.address" else real(name))
    assert not any("Login is off" in warning.value for warning in open_as("app.py", ADMIN).warning)
