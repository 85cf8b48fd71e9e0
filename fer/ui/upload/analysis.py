"""Draw the settings of the Upload page, and analyse its photos in the background."""

from dataclasses import dataclass
from typing import Final

import streamlit as st

from fer.datasets.readings import Progress
from fer.errors import SlowModelError
from fer.evaluation.names import display_name
from fer.provenance import Provenance
from fer.recognition.analyzer import FaceAnalyzer
from fer.recognition.bundle import Bundle
from fer.recognition.provenance import provenance_of
from fer.results import ImageAnalysis
from fer.text import counted, duration, literal
from fer.ui import jobs, resources
from fer.ui.frame import errors_as_sentences
from fer.ui.messages import show_error
from fer.ui.state import tab_is_open
from fer.ui.upload.photobook import Photo, PhotoBook
from fer.ui.widgets import detector_choice

_MODEL: Final = "upload_model"
_JOB: Final = "upload_job"
# A few photos are done before a page could show how far they are.
_AT_ONCE_SECONDS: Final = 1.0
_POLL_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Settings:
    """What a user chose: a detector of `DETECTORS`, and the confidence in 0..1 below which a face is 'not sure'."""

    detector: str
    confidence_threshold: float


def model_of(book: PhotoBook) -> Bundle:
    """Return the model of the list: the one in use when its first photo was added. Say so if another is in use by now.

    Raises:
        BundleError: there is no model, or it is damaged.
    """
    of_list: Bundle | None = st.session_state.get(_MODEL)
    if of_list is None or not len(book):
        of_list = st.session_state[_MODEL] = resources.model_in_use()
    if note := another_in_use(of_list):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(note, icon=":material/history:")
            st.button("Analyse again", icon=":material/refresh:", on_click=_adopt_model_in_use)
    return of_list


def another_in_use(bundle: Bundle) -> str:
    """Return what to know about results of this model if another is in use by now, as Markdown, else ''.

    Raises:
        BundleError: there is no model, or it is damaged.
    """
    in_use = resources.model_in_use()
    if bundle.hash == in_use.hash:
        return ""
    return (
        f"These results are from the model '{literal(display_name(bundle))}'. By now, the model "
        f"'{literal(display_name(in_use))}' is in use."
    )


def _adopt_model_in_use() -> None:
    st.session_state.pop(_MODEL, None)


def settings_form(bundle: Bundle) -> Settings:
    """Draw the settings and return what is chosen; the choice survives a visit to another page."""
    detector = detector_choice(key="upload_detector", persist_state="session")
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
    st.caption(f"Model: {literal(display_name(bundle))}")
    if bundle.never_sure and confidence_threshold >= 1:
        st.caption(
            ":material/info: This model wasn't right often enough to be sure of any face, so every face is 'not sure'. "
            "Lower the threshold to see its predictions."
        )
    # If unchanged, use the model's own value with all digits, as Live and the command line do.
    return Settings(
        detector,
        bundle.confidence_threshold if confidence_threshold == own else confidence_threshold,
    )


def hide_streamlits_stop() -> None:
    """Hide the 'Stop' that Streamlit shows in the corner while a page is drawn: it would stop that, and no analysis."""
    st.html("<style>[data-testid=stStatusWidget] { display: none; }</style>")


def analyse_new(book: PhotoBook, bundle: Bundle, settings: Settings) -> list[tuple[Photo, ImageAnalysis]]:
    """Analyse new photos in the background, and show how far that is, with a way to stop.

    A rerun with the same photos, model and detector does no work.

    Returns:
        The photos that are analysed so far, in the order they were added.
    """
    recognizer = f"{bundle.hash}/{settings.detector}"
    waiting = len(book.pending(recognizer))
    if waiting and not book.paused:
        with errors_as_sentences():
            _analyse(book, recognizer, resources.analyzer(bundle, settings.detector))
    elif waiting:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Stopped: {waiting} of {counted(len(book), 'photo')} waiting.")
            st.button("Continue", icon=":material/play_arrow:", on_click=_continue, args=(book,))
    return book.analysed(recognizer, settings.confidence_threshold)


def _analyse(book: PhotoBook, recognizer: str, analyzer: FaceAnalyzer) -> None:
    running: tuple[str, jobs.Job[bool]] | None = st.session_state.get(_JOB)
    if running and running[0] != recognizer:
        running[1].cancel()
        running = None
    if (
        running is None
        or running[1].state == jobs.CANCELLED
        or (running[1].state == jobs.DONE and not running[1].result)
    ):
        running = st.session_state[_JOB] = (recognizer, _start(book, recognizer, analyzer))
    job = running[1]
    job.wait(_AT_ONCE_SECONDS)
    if job.state == jobs.RUNNING:
        _watch(book, job)
        return
    del st.session_state[_JOB]
    if job.state == jobs.FAILED:
        book.paused = True
        show_error(job.error)
    elif job.result:
        # The model was too slow and set aside. The shipped one is in use by now, and analyses the list.
        _adopt_model_in_use()
        st.rerun()


def _start(book: PhotoBook, recognizer: str, analyzer: FaceAnalyzer) -> jobs.Job[bool]:
    """Start to analyse the pending photos; the job's result says whether the model was stopped for being slow."""
    is_open = tab_is_open()

    def work(report: Progress) -> bool:
        try:
            for done, total in book.analyse(recognizer, analyzer):
                report(done / max(total, 1), f"{done} of {total}")
                if not is_open():
                    break
        except SlowModelError:
            return True
        return False

    return jobs.Job(work)


@st.fragment(run_every=_POLL_SECONDS)
def _watch(book: PhotoBook, job: jobs.Job[bool]) -> None:
    """Show how far an analysis is, and rerun the page when it has ended."""
    if job.state != jobs.RUNNING:
        st.rerun()
    progress = job.progress
    left = "" if progress.seconds_left is None else f" · {duration(progress.seconds_left)} left"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(progress.share, f"Analysing {progress.text}{left}", width="stretch")
        st.button("Stop", icon=":material/stop:", on_click=_stop, args=(book, job))


def _stop(book: PhotoBook, job: jobs.Job[bool]) -> None:
    book.paused = True
    job.cancel()


def _continue(book: PhotoBook) -> None:
    book.paused = False


def about(book: PhotoBook, bundle: Bundle, settings: Settings) -> Provenance:
    """Return what made the results of the list."""
    return provenance_of(
        bundle,
        settings.detector,
        name=display_name(bundle),
        confidence_threshold=settings.confidence_threshold,
        date=book.analysed_at,
    )
