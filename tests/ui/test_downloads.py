import contextvars

import pytest

from fer.errors import RunError
from fer.ui.downloads import _Making, report_progress


def test_progress_reaches_the_file_that_is_made_and_no_other() -> None:
    def make() -> bytes:
        report_progress(0.25)
        return b"file"

    first, second = _Making(make), _Making(lambda: b"")
    assert contextvars.copy_context().run(first.run) == b"file"
    contextvars.copy_context().run(second.run)
    assert (first.share, second.share) == (0.25, 0.0)
    assert first.began.is_set() and first.ended.is_set() and first.error is None
    report_progress(0.9)  # outside of a making
    assert first.share == 0.25


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(RunError("The run is gone."), "The run is gone."), (ZeroDivisionError(), "unexpectedly (ZeroDivisionError)")],
)
def test_an_error_is_kept_as_a_sentence(error: Exception, sentence: str) -> None:
    def make() -> bytes:
        raise error

    making = _Making(make)
    with pytest.raises(type(error)):
        contextvars.copy_context().run(making.run)
    assert making.error is not None and sentence in making.error and making.ended.is_set()
