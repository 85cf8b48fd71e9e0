"""Find the model that `--model` names."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from fer import paths
from fer.errors import BundleError, shortened
from fer.recognition.bundle import BUNDLE_FILE
from fer.recognition.current import current_bundle_path
from fer.runs.importing import list_imported
from fer.runs.layout import BUNDLE, is_run_id

IN_USE: Final = "in-use"
SHIPPED: Final = "shipped"
MODEL_HELP: Final = "A run's id or folder, a bundle's folder, an imported model's name, 'in-use' or 'shipped'"


def find_model(text: str) -> Path:
    """Return the bundle's folder of the model that a user named, without opening it.

    Args:
        text: 'in-use', 'shipped', the id of a run, the name of an imported model, or the folder of a run or a bundle.

    Raises:
        BundleError: there is no such model. The message says what would work.
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
    if is_run_id(text) and (paths.runs_dir() / text).is_dir():
        raise BundleError(f"Run '{text}' has no model yet. It gets one when its training ends.")
    raise BundleError(
        f"There is no model '{shortened(text)}'. Use the id of a run ('{paths.typed('runs')}' lists them), the "
        f"folder of a run or of a bundle, the name of an imported model, '{IN_USE}' or '{SHIPPED}'."
    )


def _holds_bundle(folder: Path) -> bool:
    try:
        return (folder / BUNDLE_FILE).is_file()
    except (OSError, ValueError):  # an impossible file name
        return False
