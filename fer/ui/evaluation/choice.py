"""What the Evaluation page is asked for: one or two models, labelled faces, robustness or not."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypedDict

import streamlit as st

from fer.datasets.faces import SPLITS
from fer.datasets.store.catalog import dataset_folder, list_datasets
from fer.datasets.store.loading import SYNTHETIC
from fer.errors import EvaluationError, FerError, shortened
from fer.evaluation.evaluation_set import Source, locate
from fer.evaluation.names import SHIPPED
from fer.paths import SHIPPED_BUNDLE, runs_dir
from fer.recognition.bundle import BUNDLE_FILE, Bundle, load_bundle
from fer.recognition.current import current_bundle_path
from fer.runs.importing import list_imported
from fer.runs.store import list_runs
from fer.ui.data_choice import ELSEWHERE, data_options
from fer.vision.detection import DETECTOR_NAMES, available_detectors, photo_detector_name

_BEST_SPLIT: Final = "best"
_IN_USE: Final = ", in use"
_FORMS: Final = {"faces": "Faces, already cropped", "photos": "Photos to find faces in"}


@dataclass(frozen=True)
class Choice:
    """What a user chose to evaluate: one or two bundles and their names, the faces, whether robustness is asked for."""

    bundles: tuple[Bundle, ...]
    names: tuple[str, ...]
    source: Source
    robustness: bool


def choose() -> Choice | None:
    """Let the user choose; None while something is missing, which the page says.

    Raises:
        BundleError: a chosen model is damaged.
        EvaluationError: a chosen model is gone, or the text can be no path.
    """
    models = _models()
    if not models:
        st.info("There is no model yet. Train one, and evaluate it here.", icon=":material/model_training:")
        return None
    with st.container(border=True):
        first, second, data, split = st.columns([3, 3, 3, 2])
        with first:
            a = st.selectbox("Model A", list(models), format_func=models.__getitem__, **_kept("a"))
        with second:
            others = {"": "none", **{path: label for path, label in models.items() if path != a}}
            b = st.selectbox(
                "Model B",
                list(others),
                format_func=others.__getitem__,
                help="A second model is shown beside the first, on the same faces.",
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
            help="Accuracy when every face is darkened, blurred, turned, covered or cropped badly: twelve more passes "
            "over the faces, so that it takes thirteen times as long.",
            **_kept("robustness"),
        )
    paths = [path for path in (a, b) if path]
    names = tuple(models[path].removesuffix(_IN_USE) for path in paths)
    return Choice(tuple(map(_bundle, paths)), names, source, robustness)


class _Kept(TypedDict):
    key: str
    persist_state: Literal["session"]


def _kept(name: str) -> _Kept:
    """A widget's key, and that its value outlives a visit to another page."""
    return {"key": f"evaluation_{name}", "persist_state": "session"}


def _models() -> dict[str, str]:
    """Labels by path: the model in use, the shipped one, those of runs, those from elsewhere."""
    found = {str(SHIPPED_BUNDLE): SHIPPED}
    runs, imported = [run for run in list_runs() if run.has_bundle], list_imported()
    called = Counter([*(run.name for run in runs), *(model.name for model in imported)])
    for run in runs:
        # Runs whose user gave no name are called after their settings, which others may have too.
        label = run.name if called[run.name] == 1 else f"{run.name} ({run.id})"
        found[str(runs_dir() / run.id / "bundle")] = label
    found |= {str(model.path): model.name for model in imported}
    in_use = str(current_bundle_path())
    ordered = {in_use: found.get(in_use, Bundle(Path(in_use)).name), **found}
    existing = {path: label for path, label in ordered.items() if (Path(path) / BUNDLE_FILE).is_file()}
    return {path: label + _IN_USE if path == in_use else label for path, label in existing.items()}


def _bundle(path: str) -> Bundle:
    try:
        changed_ns = (Path(path) / BUNDLE_FILE).stat().st_mtime_ns
    except OSError as error:
        raise EvaluationError(f"The model in {path} is gone; choose another one.") from error
    return _loaded_bundle(path, changed_ns)


@st.cache_resource(max_entries=8, show_spinner=False)
def _loaded_bundle(path: str, changed_ns: int) -> Bundle:
    return load_bundle(path)


def _choose_data(model: str) -> str:
    """A choice of data; at a session's first visit it stands at those that the model was trained on, if they are here.

    Their test split says most of it.
    """
    options = data_options()
    try:
        about = _bundle(model).data
    except FerError:
        # It is said where the model is needed.
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
        help="FER-2013's CSV, or a folder with a folder a class: angry, disgust, fear, happy, sad, surprise, neutral. "
        "What is evaluated is kept in 48 x 48 pixels beside the results, until you delete them at the end of the page.",
        **_kept("path"),
    ).strip()
    form, detector = st.columns(2)
    with form:
        chosen = st.segmented_control(
            "The images are",
            list(_FORMS),
            format_func=_FORMS.__getitem__,
            default="faces",
            required=True,
            **_kept("form"),
        )
    photos = chosen == "photos"
    name = None
    if photos:
        with detector:
            name = st.segmented_control(
                "Face detector",
                available_detectors(),
                format_func=DETECTOR_NAMES.__getitem__,
                default=photo_detector_name(),
                required=True,
                **_kept("detector"),
            )
    if not path:
        st.info("Type the path of labelled faces.", icon=":material/folder_open:")
        return None
    # The work is done in another folder, so that the path must not depend on this one.
    full = locate(path)
    if not full.exists():
        raise EvaluationError(f"There is nothing at {shortened(str(full))}; type the path of a folder or a CSV file.")
    return Source(str(full), photos=photos, detector=name)


def _choose_split(source: Source) -> Source:
    counts = next((info.by_split() for info in list_datasets() if str(dataset_folder(info.name)) == source.path), None)
    names = [name for name in reversed(SPLITS) if counts is None or name in counts]
    labels = {name: name if counts is None else f"{name} ({counts[name]:,})" for name in names}
    if counts is not None and "train" in counts and "validation" not in counts:
        names.append("validation")
        labels["validation"] = "validation (of train)"
    if counts is None and source.path != SYNTHETIC:
        labels = {_BEST_SPLIT: "automatic", **labels}
    # A split belongs to its data: what one has, another may not.
    key = f"split_{'known' if counts is None else '_'.join(names)}_{source.path == SYNTHETIC}"
    chosen = st.selectbox(
        "Split",
        list(labels),
        format_func=labels.__getitem__,
        help="A model is judged on faces that it did not learn from: test, else validation, else train. Data without "
        "a validation split have the tenth of train that training validates on.",
        **_kept(key),
    )
    return Source(source.path, None if chosen == _BEST_SPLIT else chosen, source.photos, source.detector, source.votes)
