"""The entries of a zip are counted and measured, whatever its directory says."""

import io
import struct
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from fer.datasets.readers import budget
from fer.datasets.readers.trees import FolderTree
from fer.datasets.readers.zips import ZipTree
from fer.errors import DatasetError
from tests.support.forms import image_files, synthetic_faces, write_files, zip_bytes

GOOD = image_files(synthetic_faces())


def full_of_entries(n_entries: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for number in range(n_entries):
            archive.writestr(f"{number:x}", b"")
    return stream.getvalue()


def test_more_entries_than_any_dataset_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_ENTRIES", 500)
    with pytest.raises(DatasetError, match="more than 500 files; unpack it, and import the folder"):
        ZipTree(io.BytesIO(full_of_entries(501)), "upload.zip")
    assert len(ZipTree(io.BytesIO(full_of_entries(500)), "upload.zip").entries()) == 500


def test_a_folder_may_hold_more_files_than_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_ENTRIES", 5)
    monkeypatch.setattr(budget, "MAX_FOLDER_ENTRIES", len(GOOD))
    root = write_files(tmp_path / "faces", GOOD)
    assert len(FolderTree(root).entries()) == len(GOOD)
    # AffectNet's measures of an image, which nothing reads.
    (root / "annotations").mkdir()
    for name in ("0_val.npy", "0_aro.npy", "0_lnd.npy"):
        (root / "annotations" / name).touch()
    assert len(FolderTree(root).entries()) == len(GOOD)
    (root / "one more.png").touch()
    with pytest.raises(DatasetError, match=f"more than {len(GOOD)} files; choose the dataset's own folder"):
        FolderTree(root).entries()


def test_entries_are_counted_if_the_directory_states_a_wrong_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_ENTRIES", 500)
    data = bytearray(full_of_entries(600))
    place = data.rfind(b"PK\x05\x06")
    data[place + 8 : place + 12] = struct.pack("<HH", 3, 3)
    with pytest.raises(DatasetError, match="lists 600"):
        ZipTree(io.BytesIO(bytes(data)), "upload.zip")


def test_a_truncated_directory_is_refused() -> None:
    """With a smaller size in the header, zipfile reads the last files and ignores the others silently."""
    data = bytearray(zip_bytes(GOOD))
    place = data.rfind(b"PK\x05\x06")
    size, offset = struct.unpack_from("<LL", data, place + 12)
    last = 46 + len(list(GOOD)[-1])
    struct.pack_into("<LL", data, place + 12, last, offset + size - last)
    with pytest.raises(DatasetError, match="declares 42 files and lists 1; download it again"):
        ZipTree(io.BytesIO(bytes(data)), "upload.zip")


def test_repeated_reads_count_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_TOTAL_BYTES", 2500)
    tree = ZipTree(io.BytesIO(zip_bytes({"a": bytes(1000)}, zipfile.ZIP_STORED)), "a.zip")
    path = PurePosixPath("a")
    for _ in range(2):
        with tree.open(path) as file:
            file.read()
    with pytest.raises(DatasetError, match="more than"):
        tree.open(path)


def test_a_member_gives_no_more_bytes_than_it_declares() -> None:
    """A size that was made smaller in the directory: the file ends there, and its check sum no longer fits."""
    data = bytearray(zip_bytes({"train/happy/a.png": bytes(5000), **GOOD}))
    place = data.find(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<L", 100)
    tree = ZipTree(io.BytesIO(bytes(data)), "a.zip")
    with pytest.raises(zipfile.BadZipFile), tree.open(PurePosixPath("train/happy/a.png")) as file:
        assert len(file.read(4000)) <= 100
