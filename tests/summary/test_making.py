import subprocess
from unittest import mock

import pytest

from fer.errors import SummaryError
from fer.summary import making
from fer.summary.wording import photos_content
from tests.summary.test_report import ABOUT
from tests.summary.test_statistics import face, photo

ANALYSES = [photo("a/1.jpg", face("happy")), photo("b/2.jpg", face("sad")), photo("b/wall.jpg")]
GROUPS = {"a/1.jpg": "a", "b/2.jpg": "b", "b/wall.jpg": "b"}


@pytest.mark.slow
def test_a_child_makes_what_this_process_makes() -> None:
    here = making.make(photos_content, ANALYSES, GROUPS, ABOUT, dark=True)
    there = making.make_in_child(making.pack(photos_content, ANALYSES, GROUPS, ABOUT, dark=True))
    assert there == here
    assert dict(here.numbers) == {"Photos": 3, "Without a face": 1, "Faces": 2, "Not sure": 0}
    assert [figure.name for figure in here.charts] == ["shares", "probabilities"]
    assert here.n_groups == 2 and here.tests == () and b"too few faces" in here.html


def test_no_face_has_no_figures() -> None:
    made = making.make(photos_content, [photo("wall.jpg")], None, ABOUT, dark=False)
    assert made.charts == () and made.n_groups == 0 and made.rows


def test_a_child_that_fails_is_told_in_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SummaryError, match="report this"):
        making.make_in_child(b"no pickle")
    assert "UnpicklingError" in caplog.text


def test_a_child_that_takes_too_long_is_told_in_a_sentence() -> None:
    late = mock.patch.object(making.subprocess, "run", side_effect=subprocess.TimeoutExpired("fer", 1))
    with late, pytest.raises(SummaryError, match="less busy"):
        making.make_in_child(b"")
