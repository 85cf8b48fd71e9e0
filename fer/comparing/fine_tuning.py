"""Compare a fine-tuned model with the model it started from, on its own faces and on those the first was chosen on."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Meta

from fer.datasets.faces import FaceDataset
from fer.datasets.store.catalog import dataset_folder, list_datasets
from fer.datasets.store.loading import load_dataset
from fer.errors import FerError
from fer.evaluation.comparison import compare
from fer.evaluation.metrics import predict
from fer.evaluation.names import display_name
from fer.paths import data_dir
from fer.recognition.bundle import Bundle, load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.runs import curves
from fer.storage.schema import Count, Share, Text, fitting
from fer.storage.values import ValuesError
from fer.text import counted, percent

# The key in a run's report.
CHANGES: Final = "fine_tuning"
_SPLIT: Final = "validation"


@dataclass(frozen=True)
class Change:
    """Accuracies in 0..1 of the initial and of the fine-tuned model on the same faces.

    Attributes:
        initial: the name of the initial model.
        data: the name of the dataset; the faces are its validation split.
        n: number of faces.
        before, after: the accuracies.
        p_value: of McNemar's test: the probability that equally good models differ at least this much.
        own: whether the run was trained on this dataset.
    """

    initial: Text
    data: Text
    n: Count
    before: Share
    after: Share
    p_value: Annotated[float, Meta(ge=0, le=1)]
    own: bool

    @property
    def worse(self) -> bool:
        """Return whether fine-tuning made the model worse there, by more than chance."""
        return self.after < self.before and self.p_value < 0.05

    @property
    def text(self) -> str:
        """Return the change as a sentence."""
        chance = "" if self.p_value < 0.05 else ", within chance"
        return (
            f"On the validation split of {self.data} ({counted(self.n, 'face')}), accuracy went from "
            f"{percent(self.before)} ('{self.initial}') to {percent(self.after)}{chance}."
        )

    @property
    def warning(self) -> str | None:
        """Return what a user should know before using the model, or None."""
        if not self.worse:
            return None
        if self.own:
            return (
                f"The fine-tuned model is worse than '{self.initial}' even on {self.data}. Keep the initial model, or "
                "use a lower learning rate or more images."
            )
        return (
            f"The fine-tuned model got worse on {self.data}, on which '{self.initial}' was trained: it forgot some of "
            "that. Use it only for faces like yours, or train again with a lower learning rate, fewer epochs or a "
            "larger initial weight."
        )


def measure_changes(tuned: Bundle, initial_folder: str | Path, own: FaceDataset) -> list[Change]:
    """Compare a fine-tuned model with the initial one.

    Args:
        tuned: the fine-tuned model.
        initial_folder: the bundle that it started from.
        own: the validation split of the run's data.

    Returns:
        The change on `own` first. A second one follows if the data of the initial model are in `FER_HOME/data` and are
        other ones.

    Raises:
        BundleError: the initial model is missing or damaged.
    """
    initial = load_bundle(initial_folder)
    changes = [_change(initial, tuned, own, own=True)]
    before = _faces_of(initial)
    if before is not None and before.fingerprint != own.fingerprint:
        changes.append(_change(initial, tuned, before, own=False))
    return changes


def to_report(changes: list[Change]) -> dict[str, Any]:
    """Return the part of a run's report that `read_changes` reads."""
    return {CHANGES: [asdict(change) for change in changes]} if changes else {}


def read_changes(run_id: str) -> list[Change]:
    """Return what a run's report says of its fine-tuning; nothing if it says nothing, or is damaged."""
    try:
        return fitting(curves.read_report(run_id).get(CHANGES, []), list[Change])
    except ValuesError:
        return []


def _change(initial: Bundle, tuned: Bundle, faces: FaceDataset, *, own: bool) -> Change:
    first, second = (predict(EmotionClassifier(bundle), faces) for bundle in (initial, tuned))
    return Change(
        initial=display_name(initial),
        data=faces.name,
        n=len(faces),
        before=float(first.correct.mean()),
        after=float(second.correct.mean()),
        p_value=compare(first, second).p_value,
        own=own,
    )


def _faces_of(model: Bundle) -> FaceDataset | None:
    """Return the validation split that a model was chosen on, if it is in `FER_HOME/data`.

    It is recognised by its faces, so it doesn't matter in which form and under which name the data were imported, and
    whether they have a test split.
    """
    wanted = model.data.get("validation_fingerprint")
    if not isinstance(wanted, str):
        return None
    for source in _candidates(model):
        try:
            faces = load_dataset(source).split(_SPLIT)
        except FerError:
            continue
        if faces.fingerprint == wanted:
            return faces
    return None


def _candidates(model: Bundle) -> Iterator[Path]:
    """Yield the datasets that may be the model's: imported ones with as many faces, and a file of the same name."""
    n_faces = model.metrics.get(_SPLIT, {}).get("n")
    yield from (dataset_folder(info.name) for info in list_datasets() if info.by_split().get(_SPLIT) == n_faces)
    name = model.data.get("name")
    if isinstance(name, str) and (data_dir() / Path(name).name).is_file():
        yield data_dir() / Path(name).name
