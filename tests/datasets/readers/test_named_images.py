"""The index of images by the paths that label files write."""

import tracemalloc
from pathlib import PurePosixPath

import pytest

from fer.datasets.readers import named_images
from fer.datasets.readers.collecting import RowError
from fer.datasets.readers.named_images import NamedImages
from fer.datasets.readers.trees import Entry

ROOT = PurePosixPath()


def entries(*paths: str) -> list[Entry]:
    return [Entry(PurePosixPath(path), 1) for path in paths]


def test_a_path_is_found_from_its_end_in_any_case_with_or_without_its_suffix() -> None:
    images = NamedImages(entries("a/b/One.JPG", "a/c/two.png", "d/b/one.jpg.png", "notes.txt"))
    assert images.n_images == 3
    for written, found in (
        ("a/b/one.jpg", "a/b/One.JPG"),
        ("A\\B\\One", "a/b/One.JPG"),
        ("c/two", "a/c/two.png"),
        ("TWO.PNG", "a/c/two.png"),
        ("d/b/one.jpg", "d/b/one.jpg.png"),
    ):
        assert images.has(written, ROOT) and str(images.find(written, ROOT).path) == found
    assert not images.has("notes", ROOT) and not images.has("../a/b/one", ROOT)
    with pytest.raises(RowError, match="2 images have its name"):
        images.find("b/one.jpg", ROOT)


def test_the_index_of_many_images_is_small() -> None:
    """AffectNet has 290,000 images; a list for each of six keys would take 1.6 kB per image."""
    many = entries(*(f"images/{number:06d}.jpg" for number in range(20_000)))
    for entry in many:
        str(entry.path), entry.path.parts  # pathlib keeps these
    images = NamedImages(many)
    tracemalloc.start()
    assert images.has("images/019999", ROOT) and not images.has("missing", ROOT) and not images.has("x/y", ROOT)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / len(many) < 200


@pytest.mark.parametrize(("paths", "n_searches"), [((), 0), (("x.png", "a/b/y.png"), 2)])
def test_an_image_that_is_not_there_costs_no_search_in_each_folder(
    paths: tuple[str, ...], n_searches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A label file may name hundreds of thousands: a name is searched for as it is, and as an aligned face's."""
    searched: list[str] = []
    find = named_images._Index.find
    monkeypatch.setattr(named_images._Index, "find", lambda index, key: (searched.append(key), find(index, key))[1])
    images = NamedImages(entries(*paths))
    assert not images.has("train/images/0001.png", PurePosixPath("a/b/c/d/e"))
    assert len(searched) == n_searches
