"""Which model is in use: named by `FER_HOME/runs/current.json`, which is replaced whole."""

from pathlib import Path
from typing import Any, Final

from fer import paths
from fer.errors import BundleError, shortened
from fer.recognition.bundle import BUNDLE_FILE, Bundle, bundle_name, load_bundle
from fer.storage.files import write_json
from fer.storage.open_files import read_plain
from fer.storage.values import ValuesError, cleaned, parse_object

_MAX_NAME: Final = 80
# Models that this process has set aside, for as long as it lives, even if the file can't be written.
_aside: Final[set[Path]] = set()


def current_bundle_path() -> Path:
    """Return the folder of the model in use: the shipped one if none was chosen, or the chosen one is gone."""
    chosen = _choice().get("bundle")
    if not isinstance(chosen, str):
        return paths.SHIPPED_BUNDLE
    try:
        folder = paths.home() / chosen  # an absolute path stays as it is
        is_there = (folder / BUNDLE_FILE).is_file() and folder.resolve() not in _aside
    except (OSError, ValueError):  # a name that no file can have
        return paths.SHIPPED_BUNDLE
    return folder if is_there else paths.SHIPPED_BUNDLE


def _choice() -> dict[str, Any]:
    try:
        return parse_object(read_plain(paths.current_model_file()))
    except (OSError, ValuesError):
        return {}


def use_bundle(path: str | Path) -> None:
    """Put a model to use, for every page at once and for the next start.

    Raises:
        BundleError: there is no whole bundle in that folder, or the choice can't be kept; the model in use stays.
    """
    folder = load_bundle(path).path.resolve()
    home = paths.home()
    # Relative where it can be, so that FER_HOME may be moved.
    name = folder.relative_to(home) if folder.is_relative_to(home) else folder
    _write({"bundle": str(name)})
    _aside.discard(folder)


def use_shipped() -> None:
    """Go back to the shipped model.

    Raises:
        BundleError: the choice can't be changed; the model in use stays.
    """
    try:
        paths.current_model_file().unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(error) from error


def set_aside(bundle: Bundle) -> None:
    """Stop using a model that hurts, in favour of the shipped one, and keep its name for `set_aside_model`."""
    folder = bundle.path.resolve()
    was_in_use = current_bundle_path().resolve() == folder
    _aside.add(folder)
    if was_in_use:
        try:
            _write({"set_aside": bundle.name})
        except BundleError:
            return  # this process has stopped using it all the same


def set_aside_model() -> str | None:
    """Return the name of the model that was in use and was set aside, until another one is put to use."""
    choice = _choice()
    name = choice.get("set_aside")
    if isinstance(name, str):
        return shortened(str(cleaned(name)), _MAX_NAME)
    chosen = choice.get("bundle")
    folder = (paths.home() / chosen).resolve() if isinstance(chosen, str) else None
    return shortened(bundle_name(folder), _MAX_NAME) if folder in _aside and folder is not None else None


def _write(values: dict[str, str]) -> None:
    file = paths.current_model_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, values, durable=True)
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: OSError) -> BundleError:
    return BundleError(
        f"'{paths.current_model_file()}' can't be changed ({error.strerror}), so the model in use stays; check your "
        f"rights to '{paths.home()}'."
    )
