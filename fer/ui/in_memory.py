"""Pictures of visitors: kept in memory, under addresses that nobody can guess, and only while their tab is open.

The one place that reaches into the internals of Streamlit's media and session storage. `fer.ui.received` takes uploads.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final

import starlette.formparsers as form_parsers
import streamlit.runtime.media_file_manager as media_files
import streamlit.runtime.memory_media_file_storage as media_storage
from starlette.concurrency import run_in_threadpool
from streamlit.runtime import Runtime, exists, get_instance
from streamlit.runtime.media_file_manager import MediaFileMetadata
from streamlit.runtime.scriptrunner import get_script_run_ctx

from fer.ui.memory import give_back
from fer.ui.received import Received

_SWEEP_SECONDS: Final = 5
# How long a download stays that no page offers any more, for browsers that fetch it late.
_FETCH_SECONDS: Final = 60
_TAG_BYTES, _ID_BYTES = 8, 20
_key: Final = secrets.token_bytes(32)
# The session for which a thread without a page makes a file.
_made_for: Final[ContextVar[str]] = ContextVar("made_for", default="")


def install() -> None:
    """Change Streamlit and Starlette so that they keep the promises of this module; once, before the server listens.

    Raises:
        RuntimeError: this version of theirs is built differently, and the promises could not be kept.
    """
    for module, name in (
        (form_parsers, "SpooledTemporaryFile"),
        (media_storage, "_calculate_file_id"),
        (media_files, "MediaFileMetadata"),
    ):
        if not hasattr(module, name):
            raise RuntimeError(
                f"{module.__name__} has no {name} any more, so pictures could not be kept private. Install the "
                "versions of constraints.txt: pip install -r requirements.txt -c constraints.txt"
            )
    form_parsers.SpooledTemporaryFile = Received  # type: ignore[assignment,misc]
    media_storage._calculate_file_id = _private_id
    media_files.MediaFileMetadata = _Fetchable  # type: ignore[misc]


async def sweep_forever() -> None:
    """Let go of what visitors left behind, every few seconds."""
    known: set[str] = set()
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        if exists():
            left = sweep(get_instance())
            if known - left:
                await run_in_threadpool(give_back)
            known = left


def sweep(runtime: Runtime) -> set[str]:
    """Free the pictures of closed tabs at once, and all that their sessions hold once nobody can come back to them.

    A tab that only lost its connection shows its pictures again when it returns: its page is drawn anew.

    Returns:
        The ids of the sessions that are left.
    """
    manager, sessions = runtime.media_file_mgr, runtime._session_mgr
    # In this order: a session that begins in between counts as active.
    with_files = list(manager._files_by_session_and_coord)
    active = {info.session.id for info in sessions.list_active_sessions()}
    for session_id in with_files:
        if session_id not in active:
            _free_media(runtime, session_id)
    # Reading the storage's length removes sessions that have expired, which is when they free their state.
    storage = getattr(sessions, "_session_storage", None)
    len(getattr(storage, "_cache", ()))
    return active | ({info.session.id for info in storage.list()} if storage else set())


def visitor_of(*, picture: str = "", session: str = "") -> Mapping[str, Any] | None:
    """Return the identity claims of the visitor in whose tab something is; {} before login, None without such a tab.

    Args:
        picture: the file name in a picture's address.
        session: or the id of the tab's session.
    """
    if not exists():
        return None
    for info in get_instance()._session_mgr.list_sessions():
        if info.session.id == session or (picture and picture.startswith(_tag(info.session.id))):
            return dict(info.session._user_info)
    return None


def for_this_visitor(make: Callable[[], bytes]) -> Callable[[], bytes]:
    """Return a function for another thread that makes a file of this visitor's, which is freed with their tab."""
    context = get_script_run_ctx()
    session_id = context.session_id if context else ""

    def made() -> bytes:
        _made_for.set(session_id)
        return make()

    return made


def free_pictures() -> None:
    """Free every picture and download that this visitor's pages show; what is drawn next is added again."""
    context = get_script_run_ctx()
    if context is not None and exists():
        _free_media(get_instance(), context.session_id)


def _free_media(runtime: Runtime, session_id: str) -> None:
    manager, tag = runtime.media_file_mgr, _tag(session_id)
    with manager._lock:
        manager._files_by_session_and_coord.pop(session_id, None)
        for file_id in [file_id for file_id in manager._file_metadata if file_id.startswith(tag)]:
            manager._delete_file(file_id)


def _private_id(data: bytes, mimetype: str, filename: str | None = None) -> str:
    """Return a file's address: the same for the same file in one session, and unknown to everyone else.

    Streamlit takes a hash of the file, so that whoever has a photo could ask whether somebody uploaded it.
    """
    context = get_script_run_ctx(suppress_warning=True)
    tag = _tag(context.session_id if context else _made_for.get())
    file = hashlib.blake2b(data, digest_size=_ID_BYTES, key=_key)
    file.update(repr((tag, mimetype, filename, len(data))).encode())
    return tag + file.hexdigest()


def _tag(session_id: str) -> str:
    return hashlib.blake2b(session_id.encode(), digest_size=_TAG_BYTES, key=_key).hexdigest()


class _Fetchable(MediaFileMetadata):
    """A picture or a download on a page.

    Streamlit deletes a download once two pages of anybody were drawn without it, which a camera's readings do in a
    second. That is too soon for a browser that asks for it a second later.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._offered = time.monotonic()

    def mark_for_delete(self) -> None:
        """Let the next sweep delete the download, unless it was offered just now."""
        if time.monotonic() - self._offered >= _FETCH_SECONDS:
            super().mark_for_delete()
