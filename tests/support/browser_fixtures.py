"""Fixtures of all tests that use a browser: its start, its camera, and a FER_HOME with a tiny model."""

from pathlib import Path
from typing import Any

import pytest

from fer.recognition.current import use_bundle
from tests.support.browser import MISSING, camera_flags, find_browser
from tests.support.builders import make_bundle
from tests.support.camera import write_portrait_video


@pytest.fixture(scope="session")
def fake_camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a y4m file in which every frame shows one face."""
    path = tmp_path_factory.mktemp("camera") / "portrait.y4m"
    write_portrait_video(path)
    return path


@pytest.fixture(scope="session")
def browser_type_launch_args(request: pytest.FixtureRequest, fake_camera: Path) -> dict[str, Any]:
    """Return how Chromium starts. A test overrides `args` by indirect parametrisation: no camera, no permission."""
    path = find_browser()
    if path is None:
        pytest.fail(f"{MISSING} (or set SKIP_BROWSER=1)", pytrace=False)
    return {"executable_path": path, "args": camera_flags(fake_camera), **getattr(request, "param", {})}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Return the size of the window, and allow downloads."""
    return {**browser_context_args, "viewport": {"width": 1280, "height": 900}, "accept_downloads": True}


def use_tiny_model(home: Path) -> None:
    """Use a model in a FER_HOME that tells faces apart by their mean grey."""
    bundle = make_bundle(home / "runs" / "tiny" / "bundle", confidence_threshold=0.4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_HOME", str(home))
        use_bundle(bundle.path)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the FER_HOME of a test file's server, with a tiny model whose answers are known.

    A test file that needs data, runs or another model overrides this fixture.
    """
    folder = tmp_path_factory.mktemp("home")
    use_tiny_model(folder)
    return folder
