"""A state file that is no file, or holds no array: a value or a sentence, and nothing waits for ever."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer import paths
from fer.storage.arrays import load_array, load_arrays, map_array
from fer.storage.open_files import open_plain, read_plain
from fer.storage.schema import read_object
from fer.storage.values import ValuesError
from tests.support.state_files import read_all, write_state

WAIT_SECONDS = 120


def huge(file: Path) -> None:
    """A header that claims terabytes, in front of a hundred bytes."""
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 7), }"
    file.write_bytes(b"\x93NUMPY\x01\x00v\x00" + head.ljust(117) + b"\n" + bytes(100))


def objects(file: Path) -> None:
    """Python objects, which only pickle could load."""
    with file.open("wb") as stream:
        np.save(stream, np.array([{}], object))


def texts(file: Path) -> None:
    with file.open("wb") as stream:
        np.save(stream, np.array(["a", "b"]))


def not_numbers(file: Path) -> None:
    with file.open("wb") as stream:
        np.save(stream, np.full((7, 7), np.nan, np.float32))


NO_FILES: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a link to itself": lambda file: file.symlink_to(file.name),
    "a link to nowhere": lambda file: file.symlink_to("/nowhere/at/all"),
    "a device without end": lambda file: file.symlink_to("/dev/zero"),
    "a folder": lambda file: file.mkdir(),
}
NO_ARRAYS: dict[str, Callable[[Path], object]] = {
    "huge": huge,
    "objects": objects,
    "texts": texts,
    "not numbers": not_numbers,
    "nothing": lambda file: file.touch(),
    "rubbish": lambda file: file.write_bytes(bytes(range(256)) * 20),
}


def read_in_time() -> list[str]:
    """What `read_all` finds, or that it waits; a daemon, so that waiting ends with the tests."""
    faults: list[str] = []
    thread = threading.Thread(target=lambda: faults.extend(read_all()), daemon=True)
    thread.start()
    thread.join(WAIT_SECONDS)
    return ["it waits for ever"] if thread.is_alive() else faults


def all_files() -> list[Path]:
    write_state()
    return sorted(path for path in paths.home().rglob("*") if path.is_file())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are POSIX's")
@pytest.mark.slow
@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_no_more_than_a_sentence(fer_home: Path, kind: str) -> None:
    for file in all_files():
        before = file.read_bytes()
        file.unlink()
        NO_FILES[kind](file)
        assert read_in_time() == [], f"{file}: {kind}"
        if file.is_dir():
            file.rmdir()
        file.unlink(missing_ok=True)
        file.write_bytes(before)


@pytest.mark.slow
@pytest.mark.parametrize("kind", NO_ARRAYS)
def test_what_is_no_array_is_no_more_than_a_sentence(fer_home: Path, kind: str) -> None:
    arrays = [file for file in all_files() if file.suffix in (".npy", ".npz")]
    assert len(arrays) >= 5
    for file in arrays:
        before = file.read_bytes()
        file.unlink()
        NO_ARRAYS[kind](file)
        assert read_in_time() == [], f"{file}: {kind}"
        file.write_bytes(before)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are POSIX's")
def test_a_pipe_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for read in (open_plain, read_plain, load_array, load_arrays, map_array):
        with pytest.raises(OSError, match="isn't a plain file"):
            read(tmp_path / "pipe")
    with pytest.raises(ValuesError, match="isn't a plain file"):
        read_object(tmp_path / "pipe")


def test_a_plain_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_plain(tmp_path / "file", most=5) == b"12345"
    with pytest.raises(OSError, match="more than"):
        read_plain(tmp_path / "file", most=4)


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    one, two = np.arange(12, dtype=np.uint8).reshape(3, 4), np.array([0.5, 2.0])
    np.save(tmp_path / "one.npy", one)
    np.savez(tmp_path / "both.npz", one=one, two=two)
    for read in (load_array, map_array):
        np.testing.assert_array_equal(read(tmp_path / "one.npy"), one)
    both = load_arrays(tmp_path / "both.npz")
    assert sorted(both) == ["one", "two"]
    np.testing.assert_array_equal(both["two"], two)
    with pytest.raises(ValueError, match=r"."):
        load_arrays(tmp_path / "one.npy")
    with pytest.raises(ValueError, match=r"."):
        load_array(tmp_path / "both.npz")
