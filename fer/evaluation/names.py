"""Name a model for the command line, the report of a run, Home and Upload."""

from typing import Final

from fer.paths import SHIPPED_BUNDLE, runs_dir
from fer.recognition.bundle import Bundle
from fer.runs.layout import NOTES, ORIGIN, is_run_id
from fer.storage.files import read_json

SHIPPED: Final = "Shipped model"


def display_name(bundle: Bundle) -> str:
    """Return 'Shipped model', the name of the run that made the bundle, or the name of its folder.

    The copy of a run's model that is in use has the run's name, too, as long as the run exists.
    """
    path = bundle.path.resolve()
    if path == SHIPPED_BUNDLE:
        return SHIPPED
    if not path.is_relative_to(runs_dir()):
        return bundle.name
    run_id = read_json(path.parent / ORIGIN).get("run")
    run = runs_dir() / run_id if isinstance(run_id, str) and is_run_id(run_id) else path.parent
    return str(read_json(run / NOTES).get("name") or bundle.name)
