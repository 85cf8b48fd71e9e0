"""Draw the lower half of the Upload page: the table over all photos, one photo with its faces, downloads."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from fer import exports
from fer.errors import sentence_for
from fer.provenance import Provenance
from fer.results import Face, ImageAnalysis
from fer.summary.groups import Groups
from fer.text import counted, literal, printable
from fer.ui.bars import show_probabilities
from fer.ui.downloads import made_download, report_progress
from fer.ui.messages import show_error
from fer.ui.paging import page_of
from fer.ui.upload.photobook import Photo, PhotoBook, summary
from fer.vision.annotation import annotated_view, face_view
from fer.vision.detection import smallest_face
from fer.vision.images import decode, encode_jpeg

Analysed = Sequence[tuple[Photo, ImageAnalysis]]
Explain = Callable[[Photo, ImageAnalysis], Sequence[bytes]]

# Long side of the photo on the page, and of a face in it; downloads have full size.
_SHOWN_PX: Final = 1200
_FACE_PX: Final = 110
_FACES_A_PAGE: Final = 4
_ROW_PX: Final = 35
_TABLE_ROWS: Final = 10
_VIEWS: Final = 8


def photo_table(book: PhotoBook, analysed: Analysed) -> None:
    """Draw a table with one row per photo; a click on a row selects its photo."""
    photo_keys = [photo.key for photo, _ in analysed]
    row = _selected_row(book, analysed)
    key = f"upload_table_{book.generation}"

    def turn() -> None:
        selection = st.session_state[key].selection
        if selection.rows and selection.rows[0] != row:
            book.selected = photo_keys[selection.rows[0]]
        elif selection.cells:
            # A click into the row means the row: a table of a new key shows the tick where the click was.
            book.selected = photo_keys[selection.cells[0][0]]
            book.generation += 1

    # As high as it will be: what stands below doesn't move while photos are still being analysed.
    n_rows = min(len(book), _TABLE_ROWS)
    confidences = [max((face.confidence for face in analysis.faces), default=None) for _, analysis in analysed]
    st.dataframe(
        pd.DataFrame(
            {
                "file": [printable(photo.name) for photo, _ in analysed],
                "looks like": [summary(analysis) for _, analysis in analysed],
                "confidence": pd.Series(confidences, dtype="float64"),
                "faces": [len(analysis.faces) for _, analysis in analysed],
            }
        ),
        column_config={
            # What a phone shows without scrolling comes first; the column without a width takes what is left.
            "file": st.column_config.TextColumn("File", width=104),
            "looks like": st.column_config.TextColumn("Looks like"),
            "confidence": st.column_config.ProgressColumn(
                "Confidence",
                help="Of the face the model is surest of, 0 to 1",
                min_value=0,
                max_value=1,
                format="%.2f",
                width=84,
            ),
            "faces": st.column_config.NumberColumn("Faces", width=46),
        },
        hide_index=True,
        height=_ROW_PX * (n_rows + 1) + 2,
        row_height=_ROW_PX,
        on_select=turn,
        selection_mode=["single-row-required", "single-cell"],
        selection_default={"selection": {"rows": [row]}},
        key=key,
        alt=f"Table of {len(analysed)} photos with their faces and expressions",
    )


def _selected_row(book: PhotoBook, analysed: Analysed) -> int:
    """Return the row of the selected photo; the first while that one is still being analysed."""
    selected = book.selected
    return next((row for row, (photo, _) in enumerate(analysed) if photo.key == selected), 0)


def failures(book: PhotoBook) -> None:
    """Say which files could not be analysed, and why."""
    if not book.failed:
        return
    _warn(f"{counted(len(book.failed), 'file')} could not be read.", book.failed)


def not_written(book: PhotoBook) -> None:
    """Say which photos are missing in the zip of annotated photos, and why."""
    if book.not_written:
        n_photos = counted(len(book.not_written), "photo")
        _warn(f"{n_photos} could not be annotated. The zip holds the others.", book.not_written)


def _warn(summary: str, failures: Sequence[ImageAnalysis]) -> None:
    st.warning(
        "\n".join([summary, *(f"- **{shown(failure.file)}**: {literal(failure.error or '')}" for failure in failures)])
    )


def selected_photo(book: PhotoBook, analysed: Analysed, detector: str, explain: Explain | None = None) -> None:
    """Draw the selected photo with its boxes; next to it each face with seven bars, or what to try instead.

    Args:
        book: the session's photos.
        analysed: the analysed ones.
        detector: that found the faces.
        explain: returns one picture per face that shows which parts support its expression; None leaves that out.
    """
    photo, analysis = analysed[_selected_row(book, analysed)]
    try:
        view = _view(photo.digest, detector, analysis.to_dict(), photo, analysis)
    except Exception as error:  # one of many: the table and the downloads stay
        show_error(f"{printable(photo.name)} can't be shown. {sentence_for(error)}")
        return
    n_faces = len(analysis.faces)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.image(
            view.annotated,
            caption=f"{shown(photo.name)} · {analysis.width} × {analysis.height} pixels · {counted(n_faces, 'face')}",
            width="stretch",
            alt=f"The photo {printable(photo.name)}: {summary(analysis)}",
        )
        if analysis.note:
            st.caption(analysis.note)
    with right:
        if not n_faces:
            st.info(_what_to_try(detector, analysis), icon=":material/face_retouching_off:")
            return
        whys = explain(photo, analysis) if explain else [None] * n_faces
        page = page_of(n_faces, _FACES_A_PAGE, f"upload_faces_{photo.key}")
        for number in range(page.start, page.stop):
            _face_card(number + 1, analysis.faces[number], view.faces[number], whys[number])


def _face_card(number: int, face: Face, picture: bytes, why: bytes | None) -> None:
    with st.container(border=True):
        st.markdown(f"**Face {number} {face.looks}**" if face.sure else f"**Face {number}: {face.looks}**")
        if face.pose:
            st.caption(f"Head: yaw {face.pose.yaw:z.0f}°, pitch {face.pose.pitch:z.0f}°, roll {face.pose.roll:z.0f}°")
        if face.details:
            st.caption(face.details)
        with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
            # The container sets the width: with a width of its own, the picture would be shrunk and blurred.
            with st.container(width=_FACE_PX):
                st.image(
                    picture, width="stretch", alt=f"Face {number}, cut out", caption=f"confidence {face.confidence:.2f}"
                )
                if why is not None:
                    st.image(why, width="stretch", alt=f"Face {number}: what speaks for {face.emotion}", caption="why")
            show_probabilities(face.probabilities)


def _what_to_try(detector: str, analysis: ImageAnalysis) -> str:
    smallest = smallest_face(detector, analysis.width or 1, analysis.height or 1)
    tips = (
        f"a photo in which the face is lit from the front and, in a photo of this size, {smallest} pixels wide or more"
    )
    if detector == "haar":
        return f"No face was found. Try the YuNet detector, which finds small and turned faces, or {tips}."
    return f"No face was found. Try {tips}."


def all_analyses(book: PhotoBook, analysed: Analysed) -> list[ImageAnalysis]:
    """Return the analyses of the list, failed ones last."""
    return [*(analysis for _, analysis in analysed), *book.failed]


def downloads(book: PhotoBook, analysed: Analysed, about: Provenance, groups: Groups | None) -> None:
    """Offer all results as files; the table of files and the JSON name files that failed, with their reason.

    Args:
        book: the session's photos.
        analysed: the analysed ones.
        about: what made the results.
        groups: the group of each file, for a column of its own; None if no groups are chosen.
    """
    analyses = all_analyses(book, analysed)
    st.download_button(
        "CSV of faces",
        exports.to_csv(analyses, about, groups),
        "faces.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/table:",
        help="One row per face: file, box, expression, seven probabilities, pose, and what speaks against an answer.",
    )
    st.download_button(
        "CSV of photos",
        exports.to_files_csv(analyses, about, groups),
        "photos.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/table_rows:",
        help="One row per photo, those without a face included: how many faces it has, and of which expression.",
    )
    st.download_button(
        "JSON",
        exports.to_json(analyses, about, groups),
        "faces.json",
        "application/json",
        on_click="ignore",
        icon=":material/data_object:",
        help="What made the results, and one object per file, failed ones included.",
    )
    made_download(
        "Annotated photos",
        lambda: _annotated(book, analysed, about),
        "annotated.zip",
        "application/zip",
        key="upload_annotated",
        icon=":material/photo_library:",
        help="A zip of the photos in full size, with boxes and expressions drawn in.",
        then=lambda: _tell_not_written(book),
    )


def _annotated(book: PhotoBook, analysed: Analysed, about: Provenance) -> bytes:
    pairs = [(photo.data, analysis) for photo, analysis in analysed]
    made = exports.annotated_zip(pairs, about, on_progress=report_progress)
    book.not_written = made.not_written
    return made.data


def _tell_not_written(book: PhotoBook) -> None:
    if book.not_written:
        st.rerun()


def forget_views() -> None:
    """Let go of the pictures that were made for this visitor's page."""
    _view.clear()


@dataclass(frozen=True)
class _View:
    """The pictures of one analysed photo, as JPEG."""

    annotated: bytes
    faces: tuple[bytes, ...]


# The dictionary is part of the key because views differ with the threshold; the digest stands for the bytes.
@st.cache_data(scope="session", max_entries=_VIEWS, show_spinner=False)
def _view(digest: str, detector: str, analysis: dict[str, object], _photo: Photo, _analysis: ImageAnalysis) -> _View:
    image_bgr = decode(_photo.data)
    return _View(
        encode_jpeg(annotated_view(image_bgr, _analysis.faces, _SHOWN_PX)),
        # Twice the shown size, for screens with high density.
        tuple(encode_jpeg(face_view(image_bgr, face, 2 * _FACE_PX)) for face in _analysis.faces),
    )


def shown(name: str) -> str:
    """Return a file's name as code for Markdown, which shows every character and makes no link of an address.

    Marks that would turn the direction of the text are shown as their number.
    """
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", name)), default=0))
    return f"{fence} {printable(name)} {fence}"
