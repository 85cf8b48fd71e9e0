"""What the command line, a run's report, Home and Upload call a model; the Evaluation page has labels of its own."""

from typing import Final

from fer.paths import SHIPPED_BUNDLE, runs_dir
from fer.recognition.bundle import Bundle
from fer.runs.layout import NOTES
from fer.storage.files import read_json

SHIPPED: Final = "Shipped model"


def display_name(bundle: Bundle) -> str:
    """'Shipped model', the name that its user gave a run, else the folder's."""
    path = bundle.path.resolve()
    if path == SHIPPED_BUNDLE:
        return SHIPPED
    if path.parent.parent == runs_dir():
        return str(read_json(path.parent / NOTES).get("name") or bundle.name)
    return bundle.name
