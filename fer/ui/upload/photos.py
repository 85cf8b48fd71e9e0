"""Draw the ways to put photos into the list of the Upload page, and to empty it."""

from typing import Final

import streamlit as st

from fer.paths import typed
from fer.text import MB, counted
from fer.ui.downloads import forget_offers
from fer.ui.explanation import forget_explanations
from fer.ui.in_memory import free_pictures
from fer.ui.state import UploadedFile, release_upload, remembered
from fer.ui.upload import summary
from fer.ui.upload.photobook import KEPT_BYTES, KEPT_PHOTOS, PhotoBook
from fer.ui.upload.results import forget_views
from fer.ui.widgets import icon_choice
from fer.vision.files.formats import READABLE
from fer.vision.images import MAX_BYTES, too_large
from fer.vision.samples import SAMPLE_CREDIT, SAMPLE_NAME, sample_portrait

_DROP, _FOLDER, _SNAPSHOT = "Drop photos", "Choose a folder", "Take a snapshot"
_SOURCE_ICONS: Final = {
    _DROP: ":material/upload:",
    _FOLDER: ":material/folder_open:",
    _SNAPSHOT: ":material/photo_camera:",
}
_SAMPLE: Final = "Try a sample"
_ROUND: Final = "upload_round"
# Where the photos of the list came from.
_LIST_SOURCE: Final = "upload_list_source"


def photo_book() -> PhotoBook:
    """Return the session's photos."""
    return remembered("upload_book", PhotoBook)


def take_photos(book: PhotoBook) -> None:
    """Draw the ways to add photos: files, a folder, the camera, and a sample while the list is empty."""
    empty = not len(book)
    with st.container(horizontal=True, vertical_alignment="center"):
        source = icon_choice("Where from", _SOURCE_ICONS, key="upload_source", persist_state="session")
        if empty:
            st.button(_SAMPLE, icon=":material/face:", on_click=_take_sample, help=SAMPLE_CREDIT)
    # Draw only the chosen one: st.camera_input asks for the camera as soon as it is on the page.
    if source == _SNAPSHOT:
        key = f"upload_camera_{_round()}"
        st.camera_input("Snapshot", key=key, label_visibility="collapsed", on_change=_take_snapshot, args=(key,))
    else:
        _file_chooser(source)
    if empty:
        st.caption(f"{READABLE}.")
    elif st.session_state.get(_LIST_SOURCE) not in (source, _SAMPLE):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"The list has {counted(len(book), 'photo')}. New ones are added to it.", width="content")
            st.button("Start a new list", icon=":material/playlist_remove:", on_click=clear)
    if book.refused:
        st.warning(
            f"{counted(len(book.refused), 'photo')} didn't fit. This page keeps {KEPT_PHOTOS} "
            f"photos and {KEPT_BYTES // MB} MB at a time. Clear the list and drop them again, or analyse a whole "
            f"folder with: `{typed('analyze FOLDER --csv faces.csv')}`",
            icon=":material/inventory_2:",
        )


def _file_chooser(source: str) -> None:
    key = f"upload_files_{source}_{_round()}"
    if key not in st.session_state:
        # The widget is new, or empty again after a visit to another page.
        _tracked().clear()
    st.file_uploader(
        "Photos",
        accept_multiple_files="directory" if source == _FOLDER else True,
        max_upload_size=MAX_BYTES // MB,
        key=key,
        label_visibility="collapsed",
        on_change=_take_files,
        args=(key, source),
    )


def _round() -> int:
    """Return how often the list was cleared; it is part of the keys of widgets that must be empty then."""
    number: int = st.session_state.get(_ROUND, 0)
    return number


def _tracked() -> dict[str, str]:
    """Return the photo key of each file that the uploader shows, by Streamlit's id. One removed there leaves the book.

    A file that was too large to read has its id instead of a key.
    """
    return remembered("upload_tracked", dict)


def _take_files(key: str, source: str) -> None:
    _begin(source)
    book, tracked = photo_book(), _tracked()
    shown = st.session_state[key]
    for file_id in tracked.keys() - {file.file_id for file in shown}:
        photo_key = tracked.pop(file_id)
        if photo_key not in tracked.values():  # else the same file is listed twice
            book.remove(photo_key)
    new = [file for file in shown if isinstance(file, UploadedFile) and file.file_id not in tracked]
    if source == _FOLDER:
        # A browser lists a folder in the order of the disk.
        new.sort(key=lambda file: file.name)
    # The widget refuses larger files in the browser; this refuses them if the browser is bypassed.
    for file in (file for file in new if file.size > MAX_BYTES):
        book.fail(file.file_id, file.name, too_large(file.size))
        tracked[file.file_id] = file.file_id
    taken = [file for file in new if file.size <= MAX_BYTES]
    photo_keys = book.add((file.name, file.getvalue()) for file in taken)
    tracked.update(zip((file.file_id for file in taken), photo_keys, strict=True))
    for file in new:
        release_upload(file)


def _take_snapshot(key: str) -> None:
    file = st.session_state[key]
    if file is not None:
        _begin(_SNAPSHOT)
        photo_book().add([("snapshot.jpg", file.getvalue())])
        release_upload(file)


def _take_sample() -> None:
    _begin(_SAMPLE)
    photo_book().add([(SAMPLE_NAME, sample_portrait())])


def _begin(source: str) -> None:
    """Remember where the list's photos come from. The sample leaves it when a user's own photos come."""
    book = photo_book()
    if st.session_state.get(_LIST_SOURCE) == _SAMPLE:
        _forget()
    if not len(book):
        st.session_state[_LIST_SOURCE] = source


def clear_button() -> None:
    """Draw the button that removes all photos and results."""
    st.button("Clear the list", icon=":material/delete_sweep:", on_click=clear)


def clear() -> None:
    """Remove all photos and results, and empty the uploader and the camera's picture."""
    _forget()
    free_pictures()
    st.session_state[_ROUND] = _round() + 1


def _forget() -> None:
    photo_book().clear()
    st.session_state.pop(_LIST_SOURCE, None)
    forget_offers()
    forget_views()
    summary.forget()
    forget_explanations()
