import os
from pathlib import Path

import pytest
from PIL import Image

from fer.vision.picture_files import gather
from tests.support.builders import encoded
from tests.support.odd_files import link_or_skip

PICTURE = encoded(Image.new("RGB", (4, 4)))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a folder with images known by name, by content or by both, hidden files and others, on two levels."""
    for name in ("b.PNG", "a.jpg", "deep/c.webp", "deep/er/without_suffix", ".hidden.png", ".cache/d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(PICTURE)
    for name in ("notes.txt", "deep/data.json", "broken.jpg", "phone.heic"):
        (tmp_path / name).write_bytes(b"no picture")
    return tmp_path


def names(files: tuple[Path, ...], top: Path) -> list[str]:
    return [file.relative_to(top).as_posix() for file in files]


def test_a_folder_is_searched_recursively_by_name_and_content(tree: Path) -> None:
    found = gather([tree])
    assert names(found.files, tree) == [
        "a.jpg",
        "b.PNG",
        "broken.jpg",
        "phone.heic",
        "deep/c.webp",
        "deep/er/without_suffix",
    ]
    assert found.left_out == 2 and found.failures == ()


def test_named_files_are_used_unchecked_and_once(tree: Path) -> None:
    paths = [tree / "notes.txt", tree / "deep", tree / "gone.png", tree / "notes.txt", tree / "deep" / "c.webp"]
    found = gather(paths)
    assert names(found.files, tree) == ["notes.txt", "deep/c.webp", "deep/er/without_suffix", "gone.png"]
    assert found.failures == ()


def test_written_files_are_not_sources_unless_named(tree: Path) -> None:
    assert names(gather([tree], skip=tree / "deep").files, tree) == ["a.jpg", "b.PNG", "broken.jpg", "phone.heic"]
    assert len(gather([tree / "deep"], skip=tree / "deep").files) == 2


@pytest.mark.parametrize(("others", "words"), [(0, "no image in this folder;"), (1, "only 1 other file;")])
def test_a_folder_without_images_is_named(tmp_path: Path, others: int, words: str) -> None:
    for number in range(others):
        (tmp_path / f"{number}.txt").write_text("text")
    ((path, reason),) = gather([tmp_path]).failures
    assert path == tmp_path and words in reason


def test_a_folder_searched_twice_is_not_reported_as_empty(tree: Path) -> None:
    assert gather([tree, tree / "deep"]).failures == ()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are POSIX's")
def test_link_cycles_and_pipes_do_not_block_the_search(tree: Path) -> None:
    link_or_skip(tree / "deep" / "circle", tree)
    os.mkfifo(tree / "pipe.png")
    os.mkfifo(tree / "pipe")
    assert len(gather([tree]).files) == 6


def test_an_unreadable_folder_is_named_and_the_others_are_searched(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tree / "deep" / "er"
    scandir = os.scandir

    def closed_to_us(path: str) -> object:
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    # Permissions would have no effect, because root may read everything.
    monkeypatch.setattr(os, "scandir", closed_to_us)
    found = gather([tree])
    assert len(found.files) == 5
    ((path, reason),) = found.failures
    assert path == closed and "Permission denied" in reason


def test_files_that_cannot_be_inspected_are_chosen_by_name(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link_or_skip(tree / "nowhere.png", tree / "gone.png")
    closed, ask = tree / "deep", os.stat

    def no_entry(path: os.PathLike[str] | str, **options: object) -> os.stat_result:
        if closed in Path(path).parents:
            raise PermissionError(13, "Permission denied", path)
        return ask(path, **options)

    # As after `chmod -R 644`: its names are known, its files are not.
    monkeypatch.setattr(os, "stat", no_entry)
    found = gather([tree])
    assert {"deep/c.webp", "nowhere.png"} < set(names(found.files, tree)) and found.failures == ()
