"""Every test here needs TensorFlow, and most of them train a small network."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("training")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, fer_home: Path) -> None:
    """Replace the residual network by a tiny one, and use an empty FER_HOME."""
    from fer.training import networks  # imports Keras, which other tests don't need
    from tests.support.tiny_run import tiny_body

    monkeypatch.setitem(networks._BODIES, "residual", tiny_body)
