"""`fer app` passes the dashboard's script and the user's options to Streamlit."""

import os
import runpy
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fer.cli import app as module
from fer.cli import main
from fer.paths import PROGRAM


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace Streamlit, and record the arguments it was started with."""
    arguments: list[str] = []

    def run_module(name: str, **options: Any) -> None:
        assert name == "streamlit" and options["run_name"] == "__main__"
        arguments.extend(sys.argv)

    monkeypatch.setattr(runpy, "run_module", run_module)
    # Port 8501 may be in use on the machine that runs the tests.
    monkeypatch.setattr(module, "require_free", lambda port, address: None)
    monkeypatch.setattr(sys, "argv", ["fer"])
    return arguments


@pytest.mark.parametrize(
    ("options", "passed_on"),
    [
        ([], ["--server.port=8501"]),
        (["--port", "8600", "--no-browser"], ["--server.port=8600", "--server.headless=true"]),
        (["--address", "0.0.0.0"], ["--server.port=8501", "--server.address=0.0.0.0"]),
        (
            ["--address", "10.0.0.5", "--host", "fer.example.org"],
            [
                "--server.port=8501",
                "--server.address=10.0.0.5",
                *(f"--server.allowedHosts={name}" for name in ("localhost", "127.0.0.1", "::1")),
                "--server.allowedHosts=fer.example.org",
                "--server.allowedHosts=10.0.0.5",
                "--browser.serverAddress=fer.example.org",
            ],
        ),
        (
            ["--host", "*.example.org"],
            [
                "--server.port=8501",
                *(f"--server.allowedHosts={name}" for name in ("localhost", "127.0.0.1", "::1", "*.example.org")),
            ],
        ),
    ],
)
def test_options_reach_streamlit(options: list[str], passed_on: list[str], started: list[str]) -> None:
    result = CliRunner().invoke(main, ["app", *options], catch_exceptions=False)
    assert result.exit_code == 0
    assert started == ["streamlit", "run", str(PROGRAM / "app.py"), *passed_on]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("*.example.org", "answers under every name that ends in .example.org, too"),
        ("*", "answers under every name, too"),
    ],
)
def test_a_pattern_is_said_because_it_is_no_address(name: str, said: str, started: list[str]) -> None:
    result = CliRunner().invoke(main, ["app", "--host", name])
    assert result.exit_code == 0 and said in result.output
    assert not [option for option in started if "serverAddress" in option]
    assert CliRunner().invoke(main, ["app", "--host", "fer.example.org"]).output == ""


@pytest.mark.parametrize("address", ["::1", "fd00::7"])
def test_an_ipv6_address_is_shown_as_browsers_write_it(address: str, started: list[str]) -> None:
    CliRunner().invoke(main, ["app", "--address", address], catch_exceptions=False)
    assert f"--browser.serverAddress=[{address}]" in started
    assert f"--server.address={address}" in started and f"--server.allowedHosts={address}" in started
    started.clear()
    CliRunner().invoke(main, ["app", "--host", f"[{address}]"], catch_exceptions=False)
    assert f"--browser.serverAddress=[{address}]" in started and f"--server.allowedHosts={address}" in started


@pytest.mark.parametrize(
    "name", ["http://box", "box:8501", "a b", "", "*box", "box.*", "a..b", "b\nx", "[::1]:80", "box/x"]
)
def test_a_name_under_which_no_browser_could_ask_is_refused(name: str, started: list[str]) -> None:
    result = CliRunner().invoke(main, ["app", "--host", name])
    assert (result.exit_code, started) == (2, [])
    assert "isn't a host name" in result.output


def test_an_impossible_port_is_refused(started: list[str]) -> None:
    result = CliRunner().invoke(main, ["app", "--port", "70000"])
    assert result.exit_code == 2 and "70000" in result.output
    assert started == []


def test_a_missing_script_gives_one_sentence(
    started: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "PROGRAM", tmp_path)
    result = CliRunner().invoke(main, ["app"])
    assert result.exit_code == 1 and started == []
    assert (
        result.output
        == f"Error: The dashboard's file '{tmp_path / 'app.py'}' is missing; install fer-dashboard again.\n"
    )


def test_a_port_in_use_gives_a_sentence_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runpy, "run_module", lambda *_, **__: pytest.fail("Streamlit was started"))
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        result = CliRunner().invoke(main, ["app", "--port", str(port)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: Port {port} is in use")
    assert f"--port {port % 65535 + 1}" in result.stderr
    module.require_free(port, "127.0.0.1")


def test_drain_reaches_the_server(started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_DRAIN_SECONDS", "5")
    assert CliRunner().invoke(main, ["app"]).exit_code == 0 and os.environ["FER_DRAIN_SECONDS"] == "5"
    assert CliRunner().invoke(main, ["app", "--drain", "900"]).exit_code == 0
    assert os.environ["FER_DRAIN_SECONDS"] == "900" and "900" not in started
