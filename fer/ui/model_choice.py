"""List the models that a page offers: the model in use, the shipped one, those of training runs, imported ones."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from fer.evaluation.names import SHIPPED
from fer.paths import SHIPPED_BUNDLE, runs_dir
from fer.recognition.bundle import BUNDLE_FILE, Bundle
from fer.recognition.current import current_bundle_path
from fer.runs.importing import list_imported
from fer.runs.layout import BUNDLE
from fer.runs.serving import run_in_use
from fer.runs.store import RunSummary, list_runs

IN_USE: Final = ", in use"


def models_by_path(needed: str = BUNDLE_FILE, listed: Sequence[RunSummary] | None = None) -> dict[str, str]:
    """Return a unique name for each model, by the path of its bundle.

    Args:
        needed: a file that the bundle must contain, such as `KERAS_FILE` for a model to train further.
        listed: all runs, if the caller has read them already.
    """
    runs = [run for run in (list_runs() if listed is None else listed) if run.has_bundle]
    imported = list_imported()
    count = Counter([SHIPPED, *(run.name for run in runs), *(model.name for model in imported)])
    found = {str(SHIPPED_BUNDLE): SHIPPED}
    for run in runs:
        # Runs without a name of their own are named after their settings, which several can share.
        found[str(run.folder / BUNDLE)] = run.name if count[run.name] == 1 else f"{run.name} ({run.id})"
    found |= {str(model.path): model.name for model in imported}
    return {path: name for path, name in found.items() if (Path(path) / needed).is_file()}


def models_in_use_first() -> dict[str, str]:
    """Return the models by path as `models_by_path` does, the one in use first and marked with `IN_USE`.

    The copy of a run's model that is in use has the path of the run, so that a choice stays when another model is put
    to use and the copy is deleted.
    """
    found, in_use = models_by_path(), current_bundle_path()
    if not (in_use / BUNDLE_FILE).is_file():
        return found
    path = _original(in_use) if str(in_use) not in found else str(in_use)
    name = found.get(path, Bundle(in_use).name)
    return {path: name + IN_USE, **{other: label for other, label in found.items() if other != path}}


def _original(copy: Path) -> str:
    """Return the path of the run's model that the model in use is a copy of, or of the copy if the run has changed."""
    run_id = run_in_use()
    original = runs_dir() / (run_id or "") / BUNDLE
    with suppress(OSError):
        # The description has the hash of the network.
        if run_id and (original / BUNDLE_FILE).read_bytes() == (copy / BUNDLE_FILE).read_bytes():
            return str(original)
    return str(copy)
