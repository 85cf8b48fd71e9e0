"""The Video page, and a clip with a face."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fer.paths import CHECKOUT
from fer.video import store
from tests.support.clips import Clip, moving_portrait
from tests.support.login import ACCESS, AUTH
from tests.support.video_page import VIDEO

OpenPage = Callable[[str], AppTest]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return Clip(sound="aac").write(tmp_path / "clip.mp4", moving_portrait(8))


@pytest.fixture(autouse=True)
def no_process_is_left(fer_home: Path) -> Iterator[None]:
    yield
    for job in store.list_videos():
        progress = job.progress()
        if progress is not None and progress.pid != os.getpid():
            job.stop()


@pytest.fixture
def open_video(tiny_model: Path, open_page: OpenPage) -> Callable[[], AppTest]:
    return lambda: open_page(VIDEO)


@pytest.fixture
def open_as(fer_home: Path, tiny_model: Path) -> Callable[[dict[str, Any]], AppTest]:
    """Return a function that opens the page as a person described by claims."""
    st.cache_resource.clear()

    def open_as(claims: dict[str, Any]) -> AppTest:
        app = AppTest.from_file(str(CHECKOUT / "app.py"), default_timeout=60)
        app.secrets = {"auth": AUTH, "access": ACCESS}
        app.user = {"is_logged_in": True, **claims}
        return app.run().switch_page(VIDEO).run()

    return open_as
