"""Keep typed objects between the runs of a page, and release uploads through Streamlit's internals."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st
from streamlit.runtime import exists, get_instance
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

__all__ = ["UploadedFile", "release_upload", "remembered", "tab_is_open"]

T = TypeVar("T")


def remembered(key: str, make: Callable[[], T]) -> T:
    """Return the session's object under `key`, created on first use. Unlike widget state, it survives other pages."""
    if key not in st.session_state:
        st.session_state[key] = make()
    value: T = st.session_state[key]
    return value


def tab_is_open() -> Callable[[], bool]:
    """Return a function for other threads that tells whether this visitor's tab is still open."""
    context = get_script_run_ctx()
    session_id = context.session_id if context else ""
    return lambda: not exists() or get_instance().is_active_session(session_id)


def release_upload(file: UploadedFile) -> None:
    """Free the memory of an uploaded file, which Streamlit otherwise keeps until the tab is closed.

    The widget still lists the file. From the next run on, its value in `st.session_state` has a `DeletedFile` with the
    same `file_id` instead.
    """
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
