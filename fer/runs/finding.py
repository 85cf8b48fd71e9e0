"""Find the model that a user names: `--model` on the command line, `model=` of `fer.analyze`."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from fer import paths
from fer.errors import BundleError, shortened
from fer.recognition.bundle import BUNDLE_FILE
from fer.recognition.current import current_bundle_path
from fer.runs.importing import list_imported
from fer.runs.layout import BUNDLE, is_run_id
from fer.runs.store import list_runs

IN_USE: Final = "in-use"
SHIPPED: Final = "shipped"
MODEL_HELP: Final = "A run's id, name or folder, a bundle's folder, an imported model's name, 'in-use' or 'shipped'"


def find_model(text: str) -> Path:
    """Return the bundle's folder of the model that a user named, without opening it.

    Args:
        text: 'in-use', 'shipped', the id of a run, the name of an imported model, the folder of a run or a bundle, or
            the name of a run that no other run has.

    Raises:
        BundleError: there is no such model, or several runs have the name. The message says what would work.
    """
    named = {IN_USE: current_bundle_path(), SHIPPED: paths.SHIPPED_BUNDLE}
    if text in named:
        return named[text]
    places = [paths.runs_dir() / text / BUNDLE] if is_run_id(text) else []
    places += [model.path for model in list_imported() if model.name == text]
    folder = Path(text)
    with suppress(RuntimeError):  # there is no such user
        folder = folder.expanduser()
    places += [folder, folder / BUNDLE]
    for place in places:
        if _holds_bundle(place):
            return place
    named_so = [run.id for run in list_runs() if text in (run.id, run.name)]
    if len(named_so) > 1:
        raise BundleError(
            f"{len(named_so)} runs are named '{shortened(text)}'. Use the id of one: "
            f"{shortened(', '.join(named_so), 200)}."
        )
    for run_id in named_so:
        if _holds_bundle(paths.runs_dir() / run_id / BUNDLE):
            return paths.runs_dir() / run_id / BUNDLE
        raise BundleError(f"Run '{shortened(text)}' has no model yet. It gets one when its training ends.")
    raise BundleError(
        f"There is no model '{shortened(text)}'. Use the id or the name of a run ('{paths.typed('runs')}' lists them), "
        f"the folder of a run or of a bundle, the name of an imported model, '{IN_USE}' or '{SHIPPED}'."
    )


def _holds_bundle(folder: Path) -> bool:
    try:
        return (folder / BUNDLE_FILE).is_file()
    except (OSError, ValueError):  # an impossible file name
        return False
