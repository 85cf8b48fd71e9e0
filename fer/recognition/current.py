"""Which model is in use: named by `FER_HOME/runs/current.json`, which is replaced whole."""

import json
from pathlib import Path

from fer import paths
from fer.errors import BundleError
from fer.recognition.bundle import BUNDLE_FILE, load_bundle
from fer.storage.files import write_json


def current_bundle_path() -> Path:
    """The folder of the model in use; the shipped one where none was chosen or the chosen one is gone."""
    try:
        chosen = Path(json.loads(paths.current_model_file().read_text(encoding="utf-8"))["bundle"])
    except (OSError, ValueError, KeyError, TypeError):
        return paths.SHIPPED_BUNDLE
    folder = paths.home() / chosen  # an absolute path stays as it is
    return folder if (folder / BUNDLE_FILE).is_file() else paths.SHIPPED_BUNDLE


def use_bundle(path: str | Path) -> None:
    """Put a model to use, for every page at once and for the next start.

    Raises:
        BundleError: there is no whole bundle in that folder, or the choice cannot be kept; the model in use stays.
    """
    folder = load_bundle(path).path.resolve()
    home = paths.home()
    # Relative where it can be, so that FER_HOME may be moved.
    name = folder.relative_to(home) if folder.is_relative_to(home) else folder
    file = paths.current_model_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, {"bundle": str(name)}, durable=True)
    except OSError as error:
        raise BundleError(f"'{file}' cannot be written ({error.strerror}); check your rights to '{home}'.") from error


def use_shipped() -> None:
    """Go back to the shipped model."""
    paths.current_model_file().unlink(missing_ok=True)
