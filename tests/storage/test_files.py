"""Files are replaced atomically, even if another program has them open for a moment."""

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fer.storage import files, open_files


class InUseError(PermissionError):
    """The error that Windows raises for a file that another process has open."""

    winerror = 32


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Make the next `left` replacements, renames and reads fail as on Windows."""
    state = {"left": 0, "failed": 0}

    def wrap(name: str) -> None:
        real = getattr(Path, name)

        def refusing(self: Path, *arguments: object, **options: object) -> object:
            if state["left"] and (name != "open" or arguments == ("rb",)):
                state["left"] -= 1
                state["failed"] += 1
                raise InUseError(13, "The process cannot access the file", str(self))
            return real(self, *arguments, **options)

        monkeypatch.setattr(Path, name, refusing)

    for name in ("replace", "rename", "open"):
        wrap(name)
    return state


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_files, "_IN_USE_SECONDS", 0.05)


def test_a_file_that_is_open_for_a_moment_is_replaced_after_a_retry(tmp_path: Path, busy: dict[str, int]) -> None:
    file = tmp_path / "state.json"
    busy["left"] = 3
    files.write_json(file, {"a": 1})
    assert busy["failed"] == 3
    busy["left"] = 2
    assert files.read_json(file) == {"a": 1}
    assert busy["failed"] == 5


@pytest.mark.usefixtures("impatient")
def test_a_file_that_stays_open_is_unchanged_and_gives_one_sentence(tmp_path: Path, busy: dict[str, int]) -> None:
    file = tmp_path / "state.json"
    files.write_text(file, "old")
    busy["left"] = 10**6
    with pytest.raises(PermissionError) as caught:
        files.write_text(file, "new")
    assert caught.value.strerror == "another program has the file open; close it and try again"
    busy["left"] = 0
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.usefixtures("impatient")
def test_a_file_without_permission_is_not_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def refuse(self: Path, target: Path) -> None:
        calls.append(target)
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError, match="Permission denied"):
        files.write_text(tmp_path / "state.json", "new")
    assert len(calls) == 1


def test_a_folder_with_a_briefly_open_file_is_replaced_after_a_retry(tmp_path: Path, busy: dict[str, int]) -> None:
    for name, text in (("old", "1"), ("new", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(text)
    busy["left"] = 2
    files.replace_folder(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old" / "file").read_text() == "2"
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("way", ["refused", "missing"])
def test_without_hard_links_a_file_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    if way == "missing":
        monkeypatch.delattr(os, "link")
    else:
        monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "one").write_text("content")
    files.link_or_copy(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "two").read_text() == "content"
    assert not (tmp_path / "one").samefile(tmp_path / "two")
    shutil.rmtree(tmp_path)


def test_what_is_written_while_parts_are_removed_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[Path] = []

    def remove_first(action: Callable[[], object]) -> object:
        if not removed:
            removed.extend(tmp_path.glob(f".*{files.PART}"))
            files.remove_parts(tmp_path)
        return action()

    monkeypatch.setattr(files, "retry_while_open", remove_first)
    files.write_json(tmp_path / "current.json", {"model": 1}, durable=True)
    assert len(removed) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["current.json"]
    assert json.loads((tmp_path / "current.json").read_text()) == {"model": 1}


def test_writers_lose_nothing_while_another_thread_removes_parts(tmp_path: Path) -> None:
    over = threading.Event()

    def keep_removing() -> None:
        while not over.is_set():
            files.remove_parts(tmp_path)

    thread = threading.Thread(target=keep_removing)
    thread.start()
    try:
        for number in range(200):
            files.write_json(tmp_path / "current.json", {"number": number})
            assert json.loads((tmp_path / "current.json").read_text()) == {"number": number}
    finally:
        over.set()
        thread.join()


def test_a_folder_that_is_gone_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.write_text(tmp_path / "gone" / "current.json", "{}")
    assert not (tmp_path / "gone").exists()
