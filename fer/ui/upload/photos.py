"""Draw the upper half of the Upload page: settings, photos in, and their analysis."""

from dataclasses import dataclass
from typing import Final

import streamlit as st

from fer.errors import SlowModelError
from fer.evaluation.names import display_name
from fer.paths import typed
from fer.provenance import Provenance
from fer.recognition.bundle import Bundle
from fer.recognition.provenance import provenance_of
from fer.results import ImageAnalysis
from fer.text import MB, counted
from fer.ui import resources
from fer.ui.downloads import forget_made
from fer.ui.explanation import forget_explanations
from fer.ui.in_memory import free_pictures
from fer.ui.state import UploadedFile, release_upload, remembered
from fer.ui.upload.photobook import KEPT_BYTES, KEPT_PHOTOS, Photo, PhotoBook
from fer.ui.upload.results import forget_views
from fer.vision.detection import DETECTOR_NAMES, available_detectors, photo_detector_name
from fer.vision.files.formats import READABLE
from fer.vision.images import MAX_BYTES, too_large
from fer.vision.samples import SAMPLE_CREDIT, SAMPLE_NAME, sample_portrait

_DROP, _SNAPSHOT, _SAMPLE = "Drop photos", "Take a snapshot", "Try a sample"
_SOURCE_ICONS: Final = {_DROP: ":material/upload:", _SNAPSHOT: ":material/photo_camera:", _SAMPLE: ":material/face:"}
_ROUND: Final = "upload_round"


@dataclass(frozen=True)
class Settings:
    """What a user chose: a detector of `DETECTORS`, and the confidence in 0..1 below which a face is 'not sure'."""

    detector: str
    confidence_threshold: float


def photo_book() -> PhotoBook:
    """Return the session's photos."""
    return remembered("upload_book", PhotoBook)


def settings_form(bundle: Bundle) -> Settings:
    """Draw the settings and return what is chosen; the choice survives a visit to another page."""
    detector = st.segmented_control(
        "Face detector",
        available_detectors(),
        format_func=DETECTOR_NAMES.__getitem__,
        default=photo_detector_name(),
        required=True,
        key="upload_detector",
        persist_state="session",
        help="YuNet finds small, turned and dark faces. Haar, the older one, finds upright faces from the front.",
    )
    own = round(bundle.confidence_threshold, 2)
    confidence_threshold = st.slider(
        "'Not sure' below",
        min_value=0.0,
        max_value=1.0,
        value=own,
        step=0.01,
        # A threshold belongs to its model.
        key=f"upload_unsure_{bundle.hash[:12]}",
        persist_state="session",
        help="Below this confidence the page says 'not sure' instead of an expression. The model's own value is "
        f"{bundle.confidence_threshold:.2f}.",
    )
    st.caption(f"Model: {display_name(bundle)}")
    if bundle.never_sure and confidence_threshold >= 1:
        st.caption(
            ":material/info: This model wasn't right often enough to be sure of any face, so every face is 'not sure'. "
            "Lower the threshold to see its predictions."
        )
    # If unchanged, use the model's own value with all digits, as Live and the command line do.
    return Settings(
        detector or photo_detector_name(),
        bundle.confidence_threshold if confidence_threshold == own else confidence_threshold,
    )


def take_photos(book: PhotoBook) -> None:
    """Draw the three ways to add photos: files, the camera, a sample."""
    source = st.segmented_control(
        "Where from",
        list(_SOURCE_ICONS),
        format_func=lambda name: f"{_SOURCE_ICONS[name]} {name}",
        default=_DROP,
        required=True,
        label_visibility="collapsed",
        wrap=True,
        key="upload_source",
        persist_state="session",
    )
    # Draw only the chosen one: st.camera_input asks for the camera as soon as it is on the page.
    if source == _SNAPSHOT:
        key = f"upload_camera_{_round()}"
        st.camera_input("Snapshot", key=key, label_visibility="collapsed", on_change=_take_snapshot, args=(key,))
    elif source == _SAMPLE:
        st.markdown(SAMPLE_CREDIT)
        st.button("Analyse the sample", icon=":material/face:", type="primary", on_click=_take_sample)
    else:
        key = f"upload_files_{_round()}"
        if key not in st.session_state:
            # The widget is new, or empty again after a visit to another page.
            _tracked().clear()
        st.file_uploader(
            "Photos",
            accept_multiple_files=True,
            max_upload_size=MAX_BYTES // MB,
            key=key,
            label_visibility="collapsed",
            on_change=_take_files,
            args=(key,),
        )
    if not len(book) and source == _DROP:
        st.caption(f"{READABLE}. No photo at hand? Choose '{_SAMPLE}'.")
    if book.refused:
        st.warning(
            f"{counted(len(book.refused), 'photo')} didn't fit. This page keeps {KEPT_PHOTOS} "
            f"photos and {KEPT_BYTES // MB} MB at a time. Clear the list and drop them again, or analyse a whole "
            f"folder with: `{typed('analyze FOLDER --csv faces.csv')}`",
            icon=":material/inventory_2:",
        )


def _round() -> int:
    """Return how often the list was cleared; it is part of the keys of widgets that must be empty then."""
    number: int = st.session_state.get(_ROUND, 0)
    return number


def _tracked() -> dict[str, str]:
    """Return the digest of each file that the uploader shows, by Streamlit's id. A file removed there leaves the book.

    A file that was too large to read has its id instead of a digest.
    """
    return remembered("upload_tracked", dict)


def _take_files(key: str) -> None:
    book, tracked = photo_book(), _tracked()
    shown = st.session_state[key]
    for file_id in tracked.keys() - {file.file_id for file in shown}:
        digest = tracked.pop(file_id)
        if digest not in tracked.values():  # else the same picture is listed twice
            book.remove(digest)
    new = [file for file in shown if isinstance(file, UploadedFile) and file.file_id not in tracked]
    # The widget refuses larger files in the browser; this refuses them if the browser is bypassed.
    for file in (file for file in new if file.size > MAX_BYTES):
        book.fail(file.file_id, file.name, too_large(file.size))
        tracked[file.file_id] = file.file_id
    taken = [file for file in new if file.size <= MAX_BYTES]
    digests = book.add((file.name, file.getvalue()) for file in taken)
    tracked.update(zip((file.file_id for file in taken), digests, strict=True))
    for file in new:
        release_upload(file)


def _take_snapshot(key: str) -> None:
    file = st.session_state[key]
    if file is not None:
        photo_book().add([("snapshot.jpg", file.getvalue())])
        release_upload(file)


def _take_sample() -> None:
    photo_book().add([(SAMPLE_NAME, sample_portrait())])


def analyse_new(book: PhotoBook, bundle: Bundle, settings: Settings) -> list[tuple[Photo, ImageAnalysis]]:
    """Analyse new photos, with progress and a way to stop.

    A rerun with the same photos, model and detector does no work.

    Returns:
        The analysed photos, in the order they were added.

    Raises:
        FerError: the model or the detector cannot be used.
    """
    recognizer = f"{bundle.hash}/{settings.detector}"
    waiting = len(book.pending(recognizer))
    if waiting and book.paused:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Stopped: {waiting} of {len(book)} photos are waiting.")
            st.button("Continue", icon=":material/play_arrow:", on_click=_pause, args=(False,))
    elif waiting:
        analyzer = resources.analyzer(bundle, settings.detector)
        place = st.empty()
        with place.container():
            bar = st.progress(0.0)
            st.button("Stop", icon=":material/stop:", on_click=_pause, args=(True,))
        try:
            for progress in book.analyse(recognizer, analyzer):
                bar.progress(progress.done / progress.total, progress.text)
        except SlowModelError:
            # The shipped model is in use by now, and continues with the photos that are left.
            st.rerun()
        place.empty()
    return book.analysed(recognizer, settings.confidence_threshold)


def about(book: PhotoBook, bundle: Bundle, settings: Settings) -> Provenance:
    """Return what made the results of the list."""
    return provenance_of(
        bundle,
        settings.detector,
        name=display_name(bundle),
        confidence_threshold=settings.confidence_threshold,
        date=book.analysed_at,
    )


def clear_button() -> None:
    """Draw the button that removes all photos and results."""
    st.button("Clear the list", icon=":material/delete_sweep:", on_click=_clear)


def _clear() -> None:
    photo_book().clear()
    forget_made()
    forget_views()
    forget_explanations()
    free_pictures()
    # New keys empty the uploader and the camera's picture as well.
    st.session_state[_ROUND] = _round() + 1


def _pause(paused: bool) -> None:
    photo_book().paused = paused
