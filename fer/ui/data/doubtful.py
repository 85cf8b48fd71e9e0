"""Find the labels to review on the Data page: those that FER+ voters or the model in use doubt."""

from typing import Final

import numpy as np
import streamlit as st

from fer.datasets.doctor.crowd import rejected_labels
from fer.datasets.doctor.doubts import doubtful_by_crowd, doubtful_by_model
from fer.datasets.readings import Progress, Reading
from fer.datasets.store import catalog
from fer.datasets.store.storage import DatasetInfo
from fer.errors import BundleError, FerError
from fer.recognition.bundle import Bundle
from fer.recognition.classifier import EmotionClassifier
from fer.text import counted
from fer.ui import jobs, resources
from fer.ui.messages import show_error

_CROWD, _MODEL = "FER+ votes", "Model"
_BATCH: Final = 128


def model_in_use() -> Bundle | None:
    """Return the model in use, or None if it can't be loaded."""
    try:
        return resources.model_in_use()
    except BundleError:
        return None


def doubtful_images(info: DatasetInfo, reading: Reading, bundle: Bundle | None) -> np.ndarray | None:
    """Return the doubtful images, most doubtful first; None if they aren't known yet."""
    who = [_CROWD] if info.has_votes else []
    who += [_MODEL] if bundle else []
    if not who:
        st.info(
            "Doubtful labels are found by FER+ votes or by a model. Import the dataset again together with "
            "fer2013new.csv, or train a model.",
            icon=":material/help:",
        )
        return None
    # In the address, so that a reload stays there.
    doubter = st.segmented_control(
        "Flagged by", who, default=who[0], required=True, key=f"data_flagged_by_{len(who)}", bind="query-params"
    )
    if doubter == _CROWD or bundle is None:
        found, n_clear = _by_crowd(info.created, info.fingerprint, reading)
        st.caption(
            f"{counted(len(found), 'label')} got fewer votes than another expression. The Doctor lists the "
            f"{n_clear:,} clearest of them: at most one person in ten chose the label, and more than half agree on "
            f"another. Blank images and images without a face are left to the Doctor."
        )
        return found
    probabilities = _probabilities(info, bundle)
    if probabilities is None:
        return None
    found = _by_model(info.created, info.fingerprint, bundle.hash, reading, probabilities)
    st.caption(
        f"Different from the model's prediction: {counted(len(found), 'label')}. Blank images are left to the Doctor."
    )
    return found


@st.cache_data(max_entries=4, show_spinner=False)
def _by_crowd(created: str, fingerprint: str, _reading: Reading) -> tuple[np.ndarray, int]:
    """Return the doubtful images, and how many of them the doctor lists as well."""
    found, dataset = doubtful_by_crowd(_reading.dataset), _reading.dataset
    clear = np.array([], np.int64) if dataset.votes is None else rejected_labels(dataset.votes, dataset.labels)
    return found, len(np.intersect1d(found, clear))


@st.cache_data(max_entries=4, show_spinner=False)
def _by_model(created: str, fingerprint: str, model: str, _reading: Reading, _probabilities: np.ndarray) -> np.ndarray:
    return doubtful_by_model(_reading.dataset, _probabilities)


def _probabilities(info: DatasetInfo, bundle: Bundle) -> np.ndarray | None:
    """Return the model's probabilities for every image; None while they are being computed."""
    key = f"doubts {catalog.dataset_folder(info.name)} {info.created} {bundle.hash}"
    job = jobs.find(key)
    if job is not None and isinstance(job.result, np.ndarray):
        return job.result
    if job is not None and job.state == jobs.RUNNING:
        jobs.watch(key)
        return None
    if job is not None and job.state == jobs.FAILED:
        show_error(job.error)
    try:
        classifier = resources.classifier(bundle)
    except FerError as error:
        show_error(error)
        return None
    st.caption("Labels that differ from the model's prediction are doubtful. Let the model in use classify the images.")
    st.button(
        f"Classify {info.n_images:,} images",
        type="primary",
        icon=":material/neurology:",
        on_click=jobs.press,
        args=(key, lambda progress: _ask(info, classifier, progress)),
    )
    return None


def _ask(info: DatasetInfo, classifier: EmotionClassifier, progress: Progress) -> np.ndarray:
    images = catalog.open_dataset(info.name, in_memory=False).dataset.images
    answers = []
    for start in range(0, len(images), _BATCH):
        progress(start / len(images), f"{start:,} of {len(images):,} images")
        answers.append(classifier.probabilities(np.asarray(images[start : start + _BATCH])[..., None]))
    return np.concatenate(answers)
