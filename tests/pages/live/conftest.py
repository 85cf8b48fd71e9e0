"""Fixtures of the Live page in AppTest."""

from collections.abc import Callable, Iterator
from unittest import mock

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.live_page import PAGE, accept


@pytest.fixture
def webrtc_under_apptest() -> Iterator[None]:
    """Replace streamlit-webrtc's session, because AppTest has no session manager."""
    with mock.patch("streamlit_webrtc.component.get_this_session_info", lambda: None):
        yield


@pytest.fixture
def page(open_page: Callable[[str], AppTest]) -> AppTest:
    """Open the page with the notice accepted and the camera off."""
    return accept(open_page(PAGE))
