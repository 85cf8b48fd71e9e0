"""Start and watch an evaluation, and load its stored results."""

from dataclasses import dataclass
from typing import Final

import streamlit as st

from fer.evaluation import keys, store
from fer.evaluation.evaluation_result import EvaluationResult
from fer.evaluation.evaluation_set import EvaluationSet, Source
from fer.evaluation.job import Job, Request, running_jobs
from fer.evaluation.latest import evaluations_dir
from fer.jobs.job import FAILED, RUNNING, STOPPED
from fer.text import ago, duration, file_size
from fer.ui.access import gate
from fer.ui.evaluation.choice import Choice
from fer.ui.frame import errors_as_sentences
from fer.ui.messages import show_error
from fer.ui.widgets import guarded_button

_POLL_SECONDS: Final = 0.5
# How long a listing of a source's files stays valid. Listing a folder of FER-2013's size takes 0.3 s.
_STAMP_SECONDS: Final = 10


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The stored results of a choice: the faces, and one result per model in the order of the choice."""

    choice: Choice
    evaluation_set: EvaluationSet
    results: tuple[EvaluationResult, ...]

    @property
    def key(self) -> str:
        """Return a key that differs between evaluations, for widgets."""
        return "-".join([*(bundle.hash for bundle in self.choice.bundles), self.evaluation_set.key])

    @property
    def names(self) -> list[str]:
        """Return the names of the models."""
        return [one.model.name for one in self.results]


def work(choice: Choice) -> Evaluation | None:
    """Show the button or the progress, and return the stored results. Nothing is computed twice."""
    stamp = _stamp(choice.source)
    job = Job.of([bundle.hash for bundle in choice.bundles], stamp)
    progress = job.progress()
    evaluation = _evaluation(choice, stamp)
    missing = evaluation is None or (choice.robustness and any(one.robustness is None for one in evaluation.results))
    if progress is not None and progress.state == RUNNING:
        _watch(job, choice, stamp, evaluation is None)
    elif missing:
        if progress is not None and progress.state == FAILED:
            show_error(progress.error or "The evaluation failed.")
        elif progress is not None and progress.state == STOPPED:
            st.info("Stopped. Finished results are stored. Press Evaluate to resume.", icon=":material/stop_circle:")
        if st.button("Evaluate", type="primary", icon=":material/play_arrow:"):
            paths = tuple(str(bundle.path) for bundle in choice.bundles)
            weights = tuple(bundle.weights for bundle in choice.bundles)
            job.start(Request(paths, choice.source, choice.robustness, choice.names, weights))
            gate.record("started", "evaluation", " and ".join(choice.names))
            st.rerun()
    elif evaluation is not None:
        st.caption(f":material/check: Stored result, evaluated {ago(evaluation.results[0].made)}.")
    if evaluation is None and (progress is None or progress.state != RUNNING):
        _invite()
    return evaluation


@st.fragment(run_every=_POLL_SECONDS)
def _watch(job: Job, choice: Choice, stamp: str, waiting: bool) -> None:
    progress = job.progress()
    # The metrics are ready while robustness is still being measured.
    if progress is None or progress.state != RUNNING or (waiting and _evaluation(choice, stamp) is not None):
        st.rerun()
    left = progress.seconds_left
    text = progress.text if left is None else f"{progress.text} · {duration(left)} left"
    bar, stop = st.columns([6, 1], vertical_alignment="bottom")
    with bar:
        st.progress(min(progress.share, 1.0), text=text)
    with stop:
        if st.button("Stop", icon=":material/stop:", width="stretch"):
            with errors_as_sentences():
                with gate.action("stopped", "evaluation", " and ".join(choice.names)):
                    job.stop()
                st.rerun()


@st.cache_data(ttl=_STAMP_SECONDS, max_entries=32, show_spinner=False)
def _stamp(source: Source) -> str:
    return keys.choice_key(source)


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
    """A stored file can't be read. Raised instead of returned, because Streamlit caches only returned values."""


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
    # Cached by the source's stamp too, because another source may have the same faces under another name.
    found = store.load_result(model_hash, _evaluation_set)
    if found is None:
        raise _DamagedError
    return found


def _invite() -> None:
    st.markdown(
        "Press Evaluate to see the accuracy with its confidence interval, the confusion matrix, the calibration and "
        "the most confident mistakes. Try the synthetic faces first, which takes seconds. For real faces, import "
        "FER-2013 on the Data page."
    )


def stored() -> None:
    """Show how much disk space the stored evaluations take, and offer to delete them."""
    n_bytes = store.disk_bytes()
    if not n_bytes:
        return
    with st.expander(f"Stored evaluations ({file_size(n_bytes)})", icon=":material/folder:"):
        st.markdown(
            f"Results and the evaluated faces in 48 x 48 pixels are stored in `{evaluations_dir()}`. If you delete "
            "them, you can evaluate again."
        )
        not_now = "An evaluation is running. Wait until it is done, or stop it." if running_jobs() else None
        if guarded_button("Delete all", ("deleted", "evaluation", "all"), not_now=not_now, icon=":material/delete:"):
            with gate.action("deleted", "evaluation", "all"):
                store.delete_all()
            st.rerun()
