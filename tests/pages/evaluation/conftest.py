"""Fixtures of the Evaluation page: the model in use, and a second one."""

from pathlib import Path

import pytest

from fer.recognition.bundle import Bundle, load_bundle
from fer.storage.files import write_json
from tests.support.builders import make_bundle


@pytest.fixture
def bundle(tiny_model: Path) -> Bundle:
    return load_bundle(tiny_model)


@pytest.fixture
def second(fer_home: Path) -> Bundle:
    """Add a second model, the result of a run."""
    folder = fer_home / "runs" / "20260101-000000-abcd"
    made = make_bundle(folder / "bundle", sharpness=1.0, confidence_threshold=0.2)
    write_json(folder / "notes.json", {"name": "gentle"})
    write_json(folder / "config.json", {})
    return made
