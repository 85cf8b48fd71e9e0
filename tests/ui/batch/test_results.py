"""The names of folders below each other are as short as they can be."""

import pytest

from fer.ui.batch.results import _shared_folder


@pytest.mark.parametrize(
    ("names", "shared"),
    [
        (["data/photos/anna", "data/photos/anne"], "data/photos/"),
        (["data/photos", "data/photos/anna"], "data/"),
        (["data", "data/anna"], ""),
        (["data/anna", "clips/anna"], ""),
        (["/elsewhere/a", "data/a"], ""),
        (["/srv/a", "/srv/b"], "/srv/"),
        (["/disk1/photos", "/disk2/photos"], "/"),
    ],
)
def test_what_all_folders_are_in(names: list[str], shared: str) -> None:
    assert _shared_folder(names) == shared
