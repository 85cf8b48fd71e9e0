"""Long runs of the Live page, with the browser and the camera of the browser tests. `make soak` starts them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer.paths import CHECKOUT
from tests.support.browser_fixtures import browser_context_args, browser_type_launch_args, fake_camera, home
from tests.support.serving import Server, running_app

__all__ = ["browser_context_args", "browser_type_launch_args", "fake_camera", "home"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("soak")


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the app so that SIGUSR1 collects its garbage: uncollected garbage isn't a leak."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "sitecustomize.py").write_text(
        "import gc, signal\nsignal.signal(signal.SIGUSR1, lambda *_: gc.collect())\n"
    )
    environment = {"PYTHONPATH": os.pathsep.join([str(folder), str(CHECKOUT)])}
    with running_app(home, folder / "server.log", environment) as server:
        yield server
