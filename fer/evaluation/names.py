"""Name a model for the command line, the report of a run, Home and Upload."""

from typing import Final

from fer.paths import SHIPPED_BUNDLE, runs_dir
from fer.recognition.bundle import Bundle
from fer.runs.layout import NOTES
from fer.storage.files import read_json

SHIPPED: Final = "Shipped model"


def display_name(bundle: Bundle) -> str:
    """Return 'Shipped model', the name of the run that made the bundle, or the name of its folder."""
    path = bundle.path.resolve()
    if path == SHIPPED_BUNDLE:
        return SHIPPED
    if path.parent.parent == runs_dir():
        return str(read_json(path.parent / NOTES).get("name") or bundle.name)
    return bundle.name
