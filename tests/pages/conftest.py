"""The app under Streamlit's AppTest: started at Home, as its users do, with a tiny model in use."""

from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fer.paths import CHECKOUT
from fer.recognition.current import use_bundle
from tests.builders import make_bundle

# The default of 3 s is short on a busy machine.
_TIMEOUT_S = 60


@pytest.fixture
def tiny_model(fer_home: Path) -> Path:
    """A bundle in use that tells faces apart by their mean grey, 'not sure' below 0.4."""
    bundle = make_bundle(fer_home / "runs" / "tiny" / "bundle", unsure_below=0.4)
    use_bundle(bundle.path)
    return bundle.path


@pytest.fixture
def open_page(fer_home: Path) -> Callable[[str], AppTest]:
    """Open a page by its script, 'pages/2_Upload.py' or 'app.py', in a session of its own."""
    # Resources outlive a session, and the next test has another model.
    st.cache_resource.clear()
    st.cache_data.clear()

    def open_page(script: str) -> AppTest:
        app = AppTest.from_file(str(CHECKOUT / "app.py"), default_timeout=_TIMEOUT_S).run()
        return app if script == "app.py" else app.switch_page(script).run()

    return open_page
