"""Uploads: photos in memory, larger files on disk without a name, read in pieces."""

import contextlib
import gc
import os
from pathlib import Path
from unittest import mock

import pytest
from starlette.formparsers import MultiPartException
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from fer.text import MB
from fer.ui import received
from fer.ui.received import Received, open_upload
from fer.vision.images import MAX_BYTES


def uploaded(file: Received) -> tuple[MemoryUploadedFileManager, UploadedFile]:
    """Do with a received file what Streamlit does."""
    file.seek(0)
    record = UploadedFileRec("1", "clip.mp4", "video/mp4", file.read(-1))
    file.close()
    manager = MemoryUploadedFileManager("/upload")
    manager.add_file("me", record)
    return manager, UploadedFile(record, FileURLs())


def as_visitor(manager: MemoryUploadedFileManager):
    context = mock.Mock(session_id="me", uploaded_file_mgr=manager)
    return mock.patch.object(received, "get_script_run_ctx", lambda: context)


def open_files(folder: Path) -> list[str]:
    names = []
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - all names, before one of them is closed
        with contextlib.suppress(FileNotFoundError):
            names.append(str(Path("/proc/self/fd", number).readlink()))
    return [name for name in names if name.startswith(str(folder))]


def test_a_large_upload_stays_on_disk_without_a_name_until_it_is_released(fer_home: Path) -> None:
    pieces = [bytes([number]) * 8 * MB for number in range(6)]
    file = Received()
    for piece in pieces:
        file.write(piece)
    manager, upload = uploaded(file)
    del file
    assert upload.size == 48 * MB and not list(fer_home.rglob("*clip*"))
    assert upload.getvalue() == b"", "nothing of it is in memory"
    with as_visitor(manager):
        stream = open_upload(upload)
        assert [stream.read(8 * MB) for _ in pieces] == pieces and stream.read() == b""
        assert open_upload(upload).read(1) == b"\0", "it can be read again"
    manager.remove_file("me", "1")
    assert stream.read(1) == b"\0", "whoever reads it still can"
    if Path("/proc/self/fd").is_dir():
        assert len(open_files(fer_home)) == 1
        del stream
        gc.collect()
        assert open_files(fer_home) == []


def test_a_photo_stays_in_memory(fer_home: Path) -> None:
    file = Received()
    file.write(bytes(MAX_BYTES))
    manager, upload = uploaded(file)
    with as_visitor(manager):
        assert len(open_upload(upload).read()) == upload.size == MAX_BYTES


def test_concurrent_uploads_share_a_limit(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received, "_TOTAL_BYTES", 1000)
    first, second = Received(), Received()
    first.write(bytes(600))
    with pytest.raises(MultiPartException, match="Try again"):
        second.write(bytes(600))
    first.close()
    second.write(bytes(600))
    assert Received._in_use == 600
    del second
    assert Received._in_use == 0


def test_an_upload_leaves_room_on_the_disk(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Received()
    file.write(bytes(MAX_BYTES + 2 * MB))
    monkeypatch.setattr(received, "LEAST_FREE_BYTES", 1 << 60)
    with pytest.raises(MultiPartException, match="The disk is full"):
        file.write(b"more")
    file.close()
