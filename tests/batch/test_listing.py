"""Inputs of a batch: files, folders, globs, lists and URLs become files, each once and in the same order every time."""

import os
import sys
from pathlib import Path

import fsspec
import pytest

from fer.batch.inputs import UNKNOWN_SIZE
from fer.batch.listing import Listing
from fer.batch.settings import Inputs


def found(*named: object, lists: tuple[str, ...] = (), skip: object = None) -> tuple[list[str], Listing]:
    listing = Listing(Inputs(tuple(map(str, named)), lists), None if skip is None else str(skip))
    return [one.path for one in listing], listing


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with photos by name and by content, a video, another file, something hidden and a folder of results."""
    top = tmp_path / "photos"
    for name in ("b.jpg", "a.PNG", "c.mp4", "notes.txt", ".hidden.jpg", "inner/d.jpg", ".cache/e.jpg", "out/f.jpg"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(b"x")
    (top / "inner" / "no-suffix").write_bytes(b"\xff\xd8\xff\xe0")
    return top


def test_a_folder_has_its_photos_and_videos_by_name_with_size_and_time(photos: Path) -> None:
    os.utime(photos / "b.jpg", ns=(5, 1_234_567_890_123_456_789))
    listing = Listing(Inputs((str(photos),)), skip=str(photos / "out"))
    files = list(listing)
    names = [os.path.relpath(one.path, photos) for one in files]
    assert names == ["a.PNG", "b.jpg", "c.mp4", "inner/d.jpg", "inner/no-suffix"]
    assert (
        files[1].size == 1 and files[1].stamp == "1234567890123456789" and 1234567890 < files[1].modified < 1234567891
    )
    assert [one.is_video for one in files] == [False, False, True, False, False]
    assert listing.left_out == 1 and listing.failures == []


def test_each_file_is_there_once_however_often_it_is_named(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos)
    paths, _ = found("inner", photos / "inner" / "d.jpg", "../photos/inner/*.jpg")
    assert paths == [str(photos / "inner" / "d.jpg"), str(photos / "inner" / "no-suffix")]


def test_globs_and_lists_are_expanded_and_a_file_with_their_signs_is_taken_as_it_is(photos: Path) -> None:
    (photos / "b[1].jpg").write_bytes(b"x")
    everywhere, _ = found(photos / "**" / "*.jpg")
    assert everywhere == [str(photos / name) for name in ("b.jpg", "b[1].jpg", "inner/d.jpg", "out/f.jpg")]
    assert found(photos / "b[1].jpg")[0] == [str(photos / "b[1].jpg")]
    (photos / "list").write_text(f"{photos}/c.mp4\n\n  {photos}/inner/*.jpg\n{photos}/gone.jpg\n")
    paths, listing = found(lists=(str(photos / "list"),))
    assert paths == [str(photos / name) for name in ("c.mp4", "inner/d.jpg", "gone.jpg")]
    assert listing.failures == []


def test_a_missing_file_is_listed_so_that_its_row_has_the_reason(tmp_path: Path) -> None:
    (tmp_path / "link.jpg").symlink_to(tmp_path / "nowhere")
    for named in (tmp_path / "gone.jpg", tmp_path):
        [one] = Listing(Inputs((str(named),)))
        assert one.size == UNKNOWN_SIZE and one.modified is None


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ("empty", "There is no photo or video in this folder, only 1 other file; choose another one."),
        ("*.gif", "No file matches this pattern; check it, and put it in quotes."),
        ("memory://nothing/here", "There is nothing at this address; check it."),
        ("nonsense://x/y", "'nonsense://x/y' can't be opened: Protocol not known: nonsense."),
    ],
)
def test_what_has_no_file_is_told_and_the_others_are_found(
    named: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_bytes(b"x")
    (tmp_path / "a.jpg").write_bytes(b"x")
    paths, listing = found(named, "a.jpg")
    assert paths == [str(tmp_path / "a.jpg")]
    assert listing.failures == [(named, sentence)]


def test_a_folder_without_photos_ends_no_pattern(photos: Path) -> None:
    (photos / "empty").mkdir()
    paths, listing = found(photos / "[c-z]*")
    assert [os.path.relpath(path, photos) for path in paths] == [
        *("c.mp4", "inner/d.jpg", "inner/no-suffix", "notes.txt", "out/f.jpg"),
    ]
    assert listing.failures == [
        (str(photos / "empty"), "There is no photo or video in this folder; choose another one.")
    ]


def test_results_below_the_inputs_are_no_inputs_in_patterns_and_urls_either(photos: Path) -> None:
    everywhere, _ = found(photos / "**" / "*.jpg", skip=photos / "out")
    assert everywhere == [str(photos / name) for name in ("b.jpg", "inner/d.jpg")]
    memory = fsspec.filesystem("memory")
    for name in ("/below/b.jpg", "/below/out/annotated/b.jpg", "/below/outside/c.jpg"):
        memory.pipe_file(name, b"xyz")
    paths, listing = found("memory://below", skip="memory://below/out/")
    assert paths == ["memory:///below/b.jpg", "memory:///below/outside/c.jpg"] and listing.left_out == 0


def test_only_what_a_batch_wrote_is_left_out_where_the_inputs_are_in_the_folder_of_results(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = ("manifest.json", "annotated/0a/b-0a.jpg", "faces/part-0a.parquet", "superseded/faces/x.jpg")
    theirs = ("annotated/mine.jpg", "annotated/0a.jpg", "faces/anna.jpg")
    for name in (*ours, *theirs):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(b"x")
    monkeypatch.chdir(photos)
    own = sorted(["a.PNG", *theirs, "b.jpg", "c.mp4", "inner/d.jpg", "inner/no-suffix", "out/f.jpg"])
    paths, listing = found(".", skip=".")
    assert sorted(os.path.relpath(path, photos) for path in paths) == own
    assert listing.failures == []
    paths, _ = found("**/*.jpg", "manifest.*", skip=".")
    assert sorted(os.path.relpath(path, photos) for path in paths) == [name for name in own if name.endswith(".jpg")]
    memory = fsspec.filesystem("memory")
    for name in ("b.jpg", "annotated/0a/b-0a.jpg"):
        memory.pipe_file(f"/together/{name}", b"xyz")
    assert found("memory://together", skip="memory://together/")[0] == ["memory:///together/b.jpg"]


def test_a_list_that_is_missing_is_told(tmp_path: Path) -> None:
    paths, listing = found(lists=(str(tmp_path / "gone"),))
    assert paths == []
    assert listing.failures == [
        (str(tmp_path / "gone"), "The list can't be read (No such file or directory); check its name.")
    ]


def test_links_to_folders_are_passed_by_and_other_kinds_of_files_are_not_opened(photos: Path) -> None:
    (photos / "loop").symlink_to(photos)
    os.mkfifo(photos / "pipe.jpg")
    assert len(found(photos)[0]) == 6


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_not_utf8_is_listed(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.jpg"
    Path(os.fsdecode(name)).write_bytes(b"x")
    [path] = found(tmp_path)[0]
    assert os.fsencode(path) == name


def test_a_url_is_listed_with_the_stamp_of_its_store(photos: Path) -> None:
    memory = fsspec.filesystem("memory")
    for name in ("/listing/b.jpg", "/listing/a/c.mp4", "/listing/notes.txt"):
        memory.pipe_file(name, b"xyz")
    listing = Listing(Inputs(("memory://listing",)))
    files = list(listing)
    assert [one.path for one in files] == ["memory:///listing/a/c.mp4", "memory:///listing/b.jpg"]
    assert all(one.size == 3 and one.stamp != "unknown" and one.modified > 1.7e9 for one in files)
    assert listing.left_out == 1
    assert found("memory://listing/*.jpg")[0] == ["memory:///listing/b.jpg"]
    assert found("memory://listing/notes.txt")[0] == ["memory:///listing/notes.txt"]
    assert found(f"file://{photos}/inner")[0] == found(photos / "inner")[0]
