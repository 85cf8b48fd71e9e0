import contextvars
import gc
import weakref
from typing import Any
from unittest import mock

import pytest
import starlette.formparsers as form_parsers
import streamlit.runtime.media_file_manager as media_files
import streamlit.runtime.memory_media_file_storage as media_storage
from starlette.formparsers import MultiPartParser
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.session_manager import SessionInfo

from fer.text import MB
from fer.ui import in_memory
from fer.vision.images import MAX_BYTES

PHOTO = b"\xff\xd8\xff" + bytes(100)


def as_session(session_id: str):
    context = mock.Mock(session_id=session_id)
    return mock.patch.object(in_memory, "get_script_run_ctx", lambda **_: context)


def test_install_replaces_what_streamlit_and_starlette_use(monkeypatch: pytest.MonkeyPatch) -> None:
    # Restores both after the test.
    monkeypatch.setattr(form_parsers, "SpooledTemporaryFile", form_parsers.SpooledTemporaryFile)
    monkeypatch.setattr(media_storage, "_calculate_file_id", media_storage._calculate_file_id)
    monkeypatch.setattr(media_files, "MediaFileMetadata", media_files.MediaFileMetadata)
    before = media_storage._calculate_file_id(PHOTO, "image/jpeg")
    in_memory.install()
    storage = media_storage.MemoryMediaFileStorage("/media")
    with as_session("one"):
        address = storage.load_and_get_id(PHOTO, "image/jpeg", mock.Mock())
    assert before not in address and storage.get_file(f"{address}.jpg").content == PHOTO
    parser = MultiPartParser(mock.Mock(), mock.Mock())
    parser._current_part.content_disposition = b'form-data; name="file"; filename="me.jpg"'
    parser.on_headers_finished()
    assert parser._current_part.file is not None
    file: Any = parser._current_part.file.file
    file.write(bytes(MAX_BYTES))
    assert file._rolled is False, "a photo of the largest size stays in memory"
    file.write(bytes(2 * MB))
    assert file._rolled is True, "a dataset may be on disk"
    file.close()


def test_install_refuses_a_version_that_is_built_differently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(media_storage, "_calculate_file_id")
    with pytest.raises(RuntimeError, match=r"constraints\.txt"):
        in_memory.install()


def test_an_address_belongs_to_its_session_and_is_stable() -> None:
    with as_session("one"):
        first, again = (in_memory._private_id(PHOTO, "image/jpeg") for _ in range(2))
        longer = in_memory._private_id(PHOTO + b"\0", "image/jpeg")
    with as_session("two"):
        other = in_memory._private_id(PHOTO, "image/jpeg")
    assert first == again
    assert len({first, longer, other}) == 3 and first[:16] == longer[:16] != other[:16]
    with mock.patch.object(in_memory, "_key", bytes(32)), as_session("one"):
        assert in_memory._private_id(PHOTO, "image/jpeg") != first, "another server has another key"


def test_a_file_made_in_a_thread_is_its_visitors() -> None:
    with as_session("one"):
        tag = in_memory._private_id(PHOTO, "image/jpeg")[:16]
        make = in_memory.for_this_visitor(lambda: PHOTO)

    def as_streamlit_does() -> str:
        return in_memory._private_id(make(), "application/zip", "a.zip")

    with mock.patch.object(in_memory, "get_script_run_ctx", lambda **_: None):
        assert contextvars.copy_context().run(as_streamlit_does)[:16] == tag
        assert in_memory._private_id(PHOTO, "application/zip", "a.zip")[:16] != tag, "the next file in this thread"


def test_a_download_outlives_sweeps_until_a_slow_browser_has_fetched_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_files, "MediaFileMetadata", in_memory._Fetchable)
    seconds = [1000.0]
    monkeypatch.setattr(in_memory.time, "monotonic", lambda: seconds[0])
    manager = MediaFileManager(media_storage.MemoryMediaFileStorage("/media"))
    placeholder = manager.add_deferred(lambda: PHOTO, "text/csv", "1.2", "a.csv")
    address = manager.execute_deferred(placeholder).rpartition("/")[2]
    for _ in range(120):  # a camera's readings, drawn twice a second
        manager.remove_orphaned_files()
        seconds[0] += 0.49
    assert manager.read_file(address) is not None
    seconds[0] += 2
    for _ in range(2):
        manager.remove_orphaned_files()
    assert manager.read_file(address) is None


def test_a_sweep_frees_only_closed_tabs_and_expired_sessions() -> None:
    storage = MemorySessionStorage(ttl_seconds=0)
    freed: list[str] = []
    session = mock.Mock(id="expired")
    weakref.finalize(session, freed.append, "expired")
    storage.save(SessionInfo(client=None, session=session))
    del session
    manager = MediaFileManager(media_storage.MemoryMediaFileStorage("/media"))
    addresses: dict[str, str] = {}
    with mock.patch.object(media_storage, "_calculate_file_id", in_memory._private_id):
        for name in ("open", "closed"):
            with (
                as_session(name),
                mock.patch("streamlit.runtime.media_file_manager._get_session_id", lambda name=name: name),
            ):
                manager.add(PHOTO, "image/jpeg", "1.1")
                addresses[name] = manager.add(PHOTO, "text/csv", "1.2", "a.csv", is_for_static_download=True)
    sessions = mock.Mock(_session_storage=storage)
    sessions.list_active_sessions.return_value = [mock.Mock(session=mock.Mock(id="open"))]
    assert in_memory.sweep(mock.Mock(media_file_mgr=manager, _session_mgr=sessions)) == {"open"}
    gc.collect()  # a mock refers to itself
    assert len(manager._file_metadata) == 2
    assert manager.read_file(addresses["open"].rpartition("/")[2]) is not None
    assert manager.read_file(addresses["closed"].rpartition("/")[2]) is None
    assert freed, "what an expired session held is freed"
