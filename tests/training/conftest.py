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
    """The residual network is a tiny one, and runs are in a home of their own."""
    from fer.training import networks  # brings Keras, which other tests of the session may do without
    from tests.support.tiny_run import tiny_body

    monkeypatch.setitem(networks._BODIES, "residual", tiny_body)
