"""Read arrays from files that may be damaged."""

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np

from fer.storage.open_files import open_plain

Array = np.ndarray[Any, Any]
T = TypeVar("T")


def load_array(path: Path) -> Array:
    """Return the array in an npy file.

    Raises:
        OSError: it can't be read.
        ValueError: it is damaged, or claims to be larger than the memory.
    """
    return _load(path, lambda file: np.lib.format.read_array(file, allow_pickle=False))


def map_array(path: Path) -> Array:
    """Return the array in an npy file, mapped read-only instead of loaded.

    Raises:
        OSError: it can't be read.
        ValueError: it is damaged.
    """
    open_plain(path).close()
    mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def load_arrays(path: Path) -> dict[str, Array]:
    """Return the arrays in an npz file, by name.

    Raises:
        OSError: it can't be read.
        ValueError: it is damaged, or claims to be larger than the memory.
    """

    def load(file: IO[bytes]) -> dict[str, Array]:
        with np.lib.npyio.NpzFile(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}

    return _load(path, load)


def _load(path: Path, load: Callable[[IO[bytes]], T]) -> T:
    with open_plain(path) as file:
        try:
            return load(file)
        except OSError:
            raise
        except Exception as error:  # those of numpy and zipfile, and MemoryError
            raise ValueError(str(error) or type(error).__name__) from error
