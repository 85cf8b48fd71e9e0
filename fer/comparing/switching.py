"""Say what would change if another model replaced the one in use, before it does."""

from dataclasses import dataclass

from fer.comparing.predictions import RunPredictions, read_predictions
from fer.errors import BundleError
from fer.evaluation.comparison import mcnemar
from fer.evaluation.names import display_name
from fer.recognition.bundle import Bundle, load_bundle
from fer.recognition.current import current_bundle_path
from fer.runs import layout
from fer.runs.importing import ImportedModel
from fer.runs.store import RunSummary
from fer.text import counted, percent

# A model that is not sure of at least this share of the faces hardly ever answers.
_MOSTLY: float = 0.5
_SPLITS = ("test", "validation")


@dataclass(frozen=True)
class Change:
    """What using another model would change.

    Attributes:
        sentences: the comparison of both models, and what else is worth knowing.
        doubtful: whether the user should be asked, because the model looks worse or can't be compared.
    """

    sentences: tuple[str, ...]
    doubtful: bool

    @property
    def text(self) -> str:
        """Return the sentences as one text."""
        return " ".join(self.sentences)


def change_to_run(run: RunSummary) -> Change:
    """Compare the model of a run with the model in use, without classifying anything.

    Raises:
        BundleError: the run has no model, or it is damaged.
    """
    return _change(load_bundle(run.folder / layout.BUNDLE), read_predictions(run.id))


def change_to_imported(model: ImportedModel) -> Change:
    """Compare an imported model with the model in use, by what both say of themselves.

    Raises:
        BundleError: the model is damaged.
    """
    return _change(load_bundle(model.path), None)


def _change(bundle: Bundle, found: RunPredictions | None) -> Change:
    try:
        current = load_bundle(current_bundle_path())
    except BundleError:
        return Change(("The model in use is damaged.",), doubtful=False)
    if bundle.hash == current.hash:
        return Change((), doubtful=False)
    parts = (_accuracy(bundle, current, found), _not_sure(bundle, current, found), _synthetic(bundle, current))
    return Change(
        tuple(part.text for part in parts if part.text),
        doubtful=any(part.doubtful for part in parts),
    )


@dataclass(frozen=True)
class _Part:
    text: str = ""
    doubtful: bool = False


def _accuracy(bundle: Bundle, current: Bundle, found: RunPredictions | None) -> _Part:
    name = display_name(current)
    theirs = found.of_model(current.hash) if found else None
    if found is not None and theirs is not None:
        mine, other = found.right(found.own), found.right(theirs)
        chance = "" if mcnemar(mine, other).significant else " The difference may be chance."
        return _Part(
            f"It is right on {percent(mine.mean())} of the {counted(len(found), 'face')} of the {found.split} split of "
            f"{found.data}, the model in use ({name}) on {percent(other.mean())}.{chance}",
            doubtful=bool(mine.sum() < other.sum()),
        )
    for split in _SPLITS:
        mine_reached, theirs_reached = _reached(bundle, split), _reached(current, split)
        same = bundle.data.get("fingerprint") == current.data.get("fingerprint") is not None
        if same and mine_reached is not None and theirs_reached is not None:
            return _Part(
                f"It is right on {percent(mine_reached)} of the {split} split of {bundle.data.get('name')}, the model "
                f"in use ({name}) on {percent(theirs_reached)}.",
                doubtful=mine_reached < theirs_reached,
            )
    return _Part(
        f"{_reaches('It', bundle)} {_reaches(f'The model in use ({name})', current)} These are different faces, so the "
        "numbers can't be compared.",
        doubtful=True,
    )


def _reached(bundle: Bundle, split: str) -> float | None:
    metrics = bundle.metrics.get(split)
    accuracy = metrics.get("accuracy") if isinstance(metrics, dict) else None
    return float(accuracy) if isinstance(accuracy, int | float) else None


def _reaches(subject: str, bundle: Bundle) -> str:
    for split in _SPLITS:
        accuracy = _reached(bundle, split)
        if accuracy is not None:
            data = bundle.data.get("name", "its data")
            return f"{subject} is right on {percent(accuracy)} of the {split} split of {data}."
    return f"{subject} was never measured."


def _not_sure(bundle: Bundle, current: Bundle, found: RunPredictions | None) -> _Part:
    mine = found.of_model(bundle.hash) if found else None
    if found is None or mine is None:
        text = "It would answer 'not sure' to every face." if bundle.never_sure else ""
        return _Part(text, doubtful=bundle.never_sure and not current.never_sure)
    theirs = found.of_model(current.hash)
    share = mine.n_not_sure / len(found)
    before = None if theirs is None else theirs.n_not_sure / len(found)
    if share < _MOSTLY or (before is not None and share <= before):
        return _Part()
    n_faces, n_sure = counted(len(found), "face"), len(found) - mine.n_not_sure
    which = f"all of these {n_faces}" if share == 1 else f"{percent(share, 0)} of these {n_faces}"
    if n_sure > 0 and percent(share, 0) == percent(1, 0):
        which = f"all but {n_sure:,} of these {n_faces}"
    instead = "" if before is None else f", instead of {percent(before, 0)}"
    return _Part(f"It would answer 'not sure' to {which}{instead}.", doubtful=True)


def _synthetic(bundle: Bundle, current: Bundle) -> _Part:
    if bundle.data.get("synthetic") is True and current.data.get("synthetic") is not True:
        return _Part("It learned from synthetic faces only and can't be expected to recognise real ones.", True)
    return _Part()
