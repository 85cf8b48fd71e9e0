"""Errors on the pages."""

import re

from streamlit.testing.v1 import AppTest

from tests.support.markdown import plain

TEXT = "![x](http://example.com/a.png) `b` $c$ :smile: <b> can't be read."


def _page(text: str) -> None:
    from fer.errors import FerError
    from fer.ui.frame import errors_as_sentences

    with errors_as_sentences():
        raise FerError(text)


def test_a_name_in_an_error_is_shown_and_does_nothing() -> None:
    (error,) = AppTest.from_function(_page, args=(TEXT,)).run().error
    assert plain(error.value) == TEXT
    assert re.search(r"(?<!\\)[!\[\]`$:<]", error.value) is None
