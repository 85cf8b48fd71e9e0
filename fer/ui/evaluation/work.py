"""The work of the Evaluation page: the button, the progress, what is known already."""

from dataclasses import dataclass
from typing import Final

import streamlit as st

from fer.evaluation import store
from fer.evaluation.evaluation_result import EvaluationResult
from fer.evaluation.evaluation_set import EvaluationSet, Source
from fer.evaluation.job import FAILED, RUNNING, STOPPED, Job, Request, running_jobs
from fer.evaluation.latest import evaluations_dir
from fer.text import ago, duration, file_size
from fer.ui.evaluation.choice import Choice

_POLL_SECONDS: Final = 0.5
# How long a look at a source's files is believed; a folder of FER-2013's size takes a third of a second to list.
_STAMP_SECONDS: Final = 10


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What is known of a choice: the faces, and a result a model, in the order of the choice."""

    choice: Choice
    evaluation_set: EvaluationSet
    results: tuple[EvaluationResult, ...]

    @property
    def key(self) -> str:
        """Tells results apart, for the keys of widgets."""
        return "-".join([*(bundle.hash for bundle in self.choice.bundles), self.evaluation_set.key])

    @property
    def names(self) -> list[str]:
        """What the models are called."""
        return [one.model.name for one in self.results]


def work(choice: Choice) -> Evaluation | None:
    """The button, the progress with its stop, and what is known already; a choice is never computed twice."""
    stamp = _stamp(choice.source)
    job = Job.of([bundle.hash for bundle in choice.bundles], stamp)
    progress = job.progress()
    evaluation = _evaluation(choice, stamp)
    missing = evaluation is None or (choice.robustness and any(one.robustness is None for one in evaluation.results))
    if progress is not None and progress.state == RUNNING:
        _watch(job, choice, stamp, evaluation is None)
    elif missing:
        if progress is not None and progress.state == FAILED:
            st.error(progress.error or "The evaluation failed.", icon=":material/error:")
        elif progress is not None and progress.state == STOPPED:
            st.info("Stopped. What was finished is kept; go on when you like.", icon=":material/stop_circle:")
        if st.button("Evaluate", type="primary", icon=":material/play_arrow:"):
            paths = tuple(str(bundle.path) for bundle in choice.bundles)
            job.start(Request(paths, choice.source, choice.robustness, choice.names))
            st.rerun()
    elif evaluation is not None:
        st.caption(f":material/check: Evaluated {ago(evaluation.results[0].made)}; nothing needs computing again.")
    if evaluation is None and (progress is None or progress.state != RUNNING):
        _invite()
    return evaluation


@st.fragment(run_every=_POLL_SECONDS)
def _watch(job: Job, choice: Choice, stamp: str, waiting: bool) -> None:
    progress = job.progress()
    # The figures are ready while the table of transforms is still in work.
    if progress is None or progress.state != RUNNING or (waiting and _evaluation(choice, stamp) is not None):
        st.rerun()
    left = progress.seconds_left
    text = progress.text if left is None else f"{progress.text} · {duration(left)} left"
    bar, stop = st.columns([6, 1], vertical_alignment="bottom")
    with bar:
        st.progress(min(progress.share, 1.0), text=text)
    with stop:
        if st.button("Stop", icon=":material/stop:", width="stretch"):
            job.stop()
            st.rerun()


@st.cache_data(ttl=_STAMP_SECONDS, max_entries=32, show_spinner=False)
def _stamp(source: Source) -> str:
    return store.choice_key(source)


def _evaluation(choice: Choice, stamp: str) -> Evaluation | None:
    key = store.known_faces(stamp)
    if key is None:
        return None
    written = [when for bundle in choice.bundles if (when := store.result_stamp(bundle.hash, key))]
    if len(written) < len(choice.bundles):
        return None
    try:
        evaluation_set = _evaluation_set(stamp, key)
        results = [
            _result(bundle.hash, stamp, key, when, evaluation_set).called(name)
            for bundle, name, when in zip(choice.bundles, choice.names, written, strict=True)
        ]
    except _DamagedError:
        return None
    return Evaluation(choice, evaluation_set, tuple(results))


class _DamagedError(Exception):
    """What was kept cannot be read. Raised, for Streamlit remembers what a function gives and not what it raises."""


@st.cache_resource(max_entries=3, show_spinner=False)
def _evaluation_set(stamp: str, key: str) -> EvaluationSet:
    found = store.find_evaluation_set(stamp)
    if found is None:
        raise _DamagedError
    return found


@st.cache_resource(max_entries=8, show_spinner=False)
def _result(
    model_hash: str, stamp: str, key: str, written: store.Stamp, _evaluation_set: EvaluationSet
) -> EvaluationResult:
    # The stamp, for it also says what the source calls itself: another may hold the same faces.
    found = store.load_result(model_hash, _evaluation_set)
    if found is None:
        raise _DamagedError
    return found


def _invite() -> None:
    st.markdown(
        "You will see how often the model is right and how sure of that one can be, which expressions it takes for "
        "which, whether its confidence can be trusted, and its surest mistakes with the part of the face that led to "
        "them. Try the drawn faces first: that takes seconds. For real ones, get FER-2013 (README, *Data*)."
    )


def kept() -> None:
    """How much is kept of all evaluations, and a way to delete it."""
    n_bytes = store.disk_bytes()
    if not n_bytes:
        return
    with st.expander(f"Kept evaluations: {file_size(n_bytes)}", icon=":material/folder:"):
        st.markdown(
            f"Results and the evaluated faces, in 48 x 48 pixels, are kept in `{evaluations_dir()}`, so that "
            "nothing is computed twice. What you delete can be computed again."
        )
        busy = bool(running_jobs())
        if st.button(
            "Delete all of it",
            icon=":material/delete:",
            disabled=busy,
            help="An evaluation is running; wait for it, or stop it." if busy else None,
        ):
            store.delete_all()
            st.rerun()
