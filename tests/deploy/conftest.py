"""Tests of what is in deploy/: as root on Debian, by make deploy-test."""

import shutil
from pathlib import Path

import pytest

from tests.support.browser_fixtures import browser_context_args, browser_type_launch_args, fake_camera, home

__all__ = ["browser_context_args", "browser_type_launch_args", "fake_camera", "home"]

_PROGRAMS = {
    "caddy": "caddy",
    "turnserver": "coturn",
    "ip": "iproute2",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
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
