"""Staging: what is being written or deleted is left alone, what nobody holds goes."""

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from fer.datasets.store import staging
from fer.datasets.store.staging import clean_staging, remove, staged


@pytest.fixture
def root(fer_home: Path) -> Path:
    folder = fer_home / "data" / ".staging"
    folder.mkdir(parents=True)
    return folder


def test_what_nobody_holds_goes(root: Path) -> None:
    (root / "killed" / "deep").mkdir(parents=True)
    (root / "killed.lock").touch()
    (root / "without a lock").mkdir()
    (root / "lock alone.lock").touch()
    assert clean_staging() == 2
    assert list(root.iterdir()) == []


def test_a_cleaner_between_an_imports_lock_file_and_its_lock_takes_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquire = staging.FileLock.acquire
    cleaners: list[threading.Thread] = []

    def slow(lock: staging.FileLock, *arguments: Any, **options: Any) -> Any:
        if Path(lock.lock_file).parent == root and not cleaners:
            Path(lock.lock_file).touch()
            cleaners.append(threading.Thread(target=clean_staging))
            cleaners[0].start()
            cleaners[0].join(0.3)
        return acquire(lock, *arguments, **options)

    monkeypatch.setattr(staging.FileLock, "acquire", slow)
    target = root.parent / "mine"
    with staged(target) as folder:
        cleaners[0].join(20)
        (folder / "images.npy").touch()
        assert clean_staging() == 0
    assert [file.name for file in target.iterdir()] == ["images.npy"]
    assert list(root.iterdir()) == []


def test_a_cleaner_leaves_what_is_being_deleted_to_whoever_deletes_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root.parent / "mine").mkdir()
    (root.parent / "mine" / "images.npy").touch()
    delete = shutil.rmtree
    cleaned: list[Path] = []

    def rmtree(folder: Path, ignore_errors: bool = False) -> None:
        if not cleaned:
            cleaned.append(-1)
            cleaned.append(clean_staging())
        delete(folder, ignore_errors)

    monkeypatch.setattr(staging.shutil, "rmtree", rmtree)
    remove(root.parent / "mine")
    assert cleaned == [-1, 0]
    assert list(root.iterdir()) == [] and not (root.parent / "mine").exists()


def test_what_cannot_be_deleted_is_logged_and_the_rest_goes(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    (root / "stuck").mkdir()
    (root / "stuck.lock").mkdir()
    (root / "killed").mkdir()
    assert clean_staging() == 1
    assert "stuck can't be deleted" in caplog.text
    assert not (root / "killed").exists()


def test_a_staging_that_cannot_be_locked_stops_nobody(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    root.with_name(".staging.lock").mkdir()
    assert clean_staging() == 0
    assert "can't be cleaned up" in caplog.text
