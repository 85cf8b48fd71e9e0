"""Let the user choose what to evaluate: one or two models, labelled faces, and whether to measure robustness."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypedDict

import streamlit as st

from fer.datasets.faces import SPLITS
from fer.datasets.store.catalog import dataset_folder, list_datasets
from fer.datasets.store.loading import SYNTHETIC
from fer.errors import EvaluationError, FerError, shortened
from fer.evaluation.evaluation_set import Source, locate
from fer.recognition.bundle import BUNDLE_FILE, Bundle
from fer.recognition.weights import bundle_to_serve
from fer.ui.data_choice import ELSEWHERE, data_options
from fer.ui.model_choice import IN_USE, models_in_use_first
from fer.ui.widgets import detector_choice

_BEST_SPLIT: Final = "best"

_FORMS: Final = {"detected": "Detect automatically", "faces": "Cropped faces", "photos": "Whole photos"}
_PHOTOS: Final = {"detected": None, "faces": False, "photos": True}


@dataclass(frozen=True)
class Choice:
    """A choice of one or two models with the names to show, of labelled faces, and of robustness."""

    bundles: tuple[Bundle, ...]
    names: tuple[str, ...]
    source: Source
    robustness: bool


def choose() -> Choice | None:
    """Show the widgets. Return None, with a message on the page, while something is missing.

    Raises:
        BundleError: a chosen model is damaged.
        EvaluationError: a chosen model no longer exists, or the path can't be used.
    """
    models = models_in_use_first()
    if not models:
        st.info("There is no model yet. Train one first.", icon=":material/model_training:")
        return None
    _hold(models)
    with st.container(border=True):
        # Two rows, because names of models and datasets are long.
        first, second = st.columns(2)
        data, split = st.columns(2)
        with first:
            a = st.selectbox("Model A", list(models), format_func=models.__getitem__, **_kept("a"))
        with second:
            others = {"": "none", **{path: label for path, label in models.items() if path != a}}
            b = st.selectbox(
                "Model B",
                list(others),
                format_func=others.__getitem__,
                help="Compare with a second model on the same faces.",
                **_kept("b"),
            )
        with data:
            chosen = _choose_data(a)
        elsewhere = None
        if chosen == ELSEWHERE:
            elsewhere = _choose_elsewhere()
            if elsewhere is None:
                return None
        with split:
            source = _choose_split(elsewhere or Source(chosen))
        robustness = st.toggle(
            "Measure robustness",
            help="Also measure the accuracy when every face is darkened, blurred, rotated, covered or badly cropped. "
            "This takes thirteen times as long.",
            **_kept("robustness"),
        )
    paths = [path for path in (a, b) if path]
    names = tuple(models[path].removesuffix(IN_USE) for path in paths)
    return Choice(tuple(map(_bundle, paths)), names, source, robustness)


def _hold(models: dict[str, str]) -> None:
    """Keep the chosen models when another one comes into use, which changes their labels.

    The browser sends a label, and Streamlit falls back to the default for a label that no longer exists.
    """
    for key in (_kept("a")["key"], _kept("b")["key"]):
        if st.session_state.get(key) in models:
            st.session_state[key] = st.session_state[key]


class _Kept(TypedDict):
    key: str
    persist_state: Literal["session"]


def _kept(name: str) -> _Kept:
    """Return a widget's key and the option that keeps its value while the user visits other pages."""
    return {"key": f"evaluation_{name}", "persist_state": "session"}


def _bundle(path: str) -> Bundle:
    try:
        changed_ns = (Path(path) / BUNDLE_FILE).stat().st_mtime_ns
    except OSError as error:
        raise EvaluationError(f"The model in {path} no longer exists. Choose another one.") from error
    return _loaded_bundle(path, changed_ns)


@st.cache_resource(max_entries=8, show_spinner=False)
def _loaded_bundle(path: str, changed_ns: int) -> Bundle:
    return bundle_to_serve(path)


def _choose_data(model: str) -> str:
    """Let the user choose the data. The default is the data that the model was trained on, if it is available.

    Its test split tells most about the model.
    """
    options = data_options()
    try:
        about = _bundle(model).data
    except FerError:
        # The error is shown when the model is loaded for the evaluation.
        about = {}
    stored = {str(dataset_folder(info.name)): info.fingerprint for info in list_datasets()}
    own = [path for path, fingerprint in stored.items() if fingerprint == about.get("fingerprint")]
    own += [SYNTHETIC] if about.get("synthetic") else []
    loose = [path for path in options if path not in (*stored, SYNTHETIC, ELSEWHERE)]
    own += [path for path in loose if Path(path).name == about.get("name")]
    index = list(options).index(own[0]) if own else 0
    return st.selectbox("Data", list(options), index=index, format_func=options.__getitem__, **_kept("data"))


def _choose_elsewhere() -> Source | None:
    path = st.text_input(
        "Path on this machine",
        placeholder="/home/me/faces",
        help="FER-2013's CSV, or a folder with one folder per class: angry, disgust, fear, happy, sad, surprise, "
        "neutral. The faces are stored in 48 x 48 pixels with the results, until you delete them below.",
        **_kept("path"),
    ).strip()
    form, detector = st.columns(2)
    with form:
        chosen = st.segmented_control(
            "Images",
            list(_FORMS),
            format_func=_FORMS.__getitem__,
            default="detected",
            required=True,
            **_kept("form"),
        )
    name = None
    if chosen != "faces":
        with detector:
            name = detector_choice(**_kept("detector"))
    if not path:
        st.info("Enter the path of a folder or file with labelled faces.", icon=":material/folder_open:")
        return None
    # An absolute path, because the evaluation's process runs in another folder.
    full = locate(path)
    if not full.exists():
        raise EvaluationError(f"{shortened(str(full))} doesn't exist. Enter the path of a folder or a CSV file.")
    return Source(str(full), photos=_PHOTOS[chosen or "detected"], detector=name)


def _choose_split(source: Source) -> Source:
    counts = next((info.by_split() for info in list_datasets() if str(dataset_folder(info.name)) == source.path), None)
    names = [name for name in reversed(SPLITS) if counts is None or name in counts]
    labels = {name: name if counts is None else f"{name} ({counts[name]:,})" for name in names}
    if counts is not None and "train" in counts and "validation" not in counts:
        names.append("validation")
        labels["validation"] = "validation (from train)"
    if counts is None and source.path != SYNTHETIC:
        labels = {_BEST_SPLIT: "automatic", **labels}
    # A key for each set of splits, because other data may not have the chosen one.
    key = f"split_{'known' if counts is None else '_'.join(names)}_{source.path == SYNTHETIC}"
    chosen = st.selectbox(
        "Split",
        list(labels),
        format_func=labels.__getitem__,
        help="Evaluate a model on faces that it didn't learn from. If the data has no validation split, this is the "
        "10 % of train that training validates on.",
        **_kept(key),
    )
    return replace(source, split=None if chosen == _BEST_SPLIT else chosen)
