"""Helpers for tests of the Training page."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from tests.support.markdown import plain

OpenPage = Callable[[str], AppTest]
PAGE = "pages/3_Training.py"


def texts(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.success)
    return "\n".join(plain(str(item.value)) for kind in kinds for item in kind)


def keys(app: AppTest) -> set[str]:
    return {button.key for button in app.button if button.key}
