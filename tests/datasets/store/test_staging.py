"""Staging folders: those in use are left alone, abandoned ones are removed."""

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


def test_abandoned_folders_are_removed(root: Path) -> None:
    (root / "killed" / "deep").mkdir(parents=True)
    (root / "killed.lock").touch()
    (root / "without a lock").mkdir()
    (root / "lock alone.lock").touch()
    assert clean_staging() == 2
    assert list(root.iterdir()) == []


def test_cleaning_up_spares_an_import_that_has_not_locked_its_file_yet(
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


def test_cleaning_up_spares_a_folder_that_is_being_deleted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_folder_that_cannot_be_deleted_is_logged_and_the_rest_removed(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "stuck").mkdir()
    (root / "stuck.lock").mkdir()
    (root / "killed").mkdir()
    assert clean_staging() == 1
    assert "stuck can't be deleted" in caplog.text
    assert not (root / "killed").exists()


def test_a_staging_folder_that_cannot_be_locked_blocks_nothing(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    root.with_name(".staging.lock").mkdir()
    assert clean_staging() == 0
    assert "can't be cleaned up" in caplog.text
