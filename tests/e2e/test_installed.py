"""The installed package in a real browser: `fer app`, started in an empty folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fer.vision.samples import sample_portrait
from tests.support.installed import build_wheel, install
from tests.support.serving import Server, free_port, running_command


@pytest.fixture(scope="module")
def installed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("installed")
    installation = install(build_wheel(tmp_path_factory.mktemp("dist")), folder)
    port, log = free_port(), folder / "log.txt"
    command = [installation.fer, "app", "--no-browser", f"--port={port}"]
    with running_command(command, installation.work, installation.variables, port, log) as pid:
        yield Server(f"http://127.0.0.1:{port}", pid, log, folder / "home")


def test_a_photo_is_analysed_and_nothing_is_written_to_the_working_folder(
    page: Page, installed_server: Server, tmp_path: Path
) -> None:
    photo = tmp_path / "me.png"
    photo.write_bytes(sample_portrait())
    page.set_default_timeout(60_000)
    page.goto(f"{installed_server.url}/Upload")
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(photo)
    expect(page.get_by_text("Face 1 looks happy")).to_be_visible(timeout=60_000)
    assert installed_server.complaints() == ""
    assert list((installed_server.home.parent / "work").iterdir()) == []
