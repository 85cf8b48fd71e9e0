"""Tests of what is in deploy/: as root on Debian, by make deploy-test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser_fixtures import fake_camera
from tests.support.images import image_storage

__all__ = ["fake_camera"]

_PROGRAMS = {
    "caddy": "caddy",
    "turnserver": "coturn",
    "ip": "iproute2",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "systemd-analyze": "systemd",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("deploy")
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """Fail, with what to type, if a program is missing."""
    missing = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        pytest.fail(f"Missing. Type: apt-get install {' '.join(missing)}", pytrace=False)


@pytest.fixture(scope="session")
def image_folder(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return where images are built, with their base."""
    with image_storage(tmp_path_factory.mktemp("images")) as folder:
        yield folder
