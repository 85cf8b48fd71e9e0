"""Fixtures of the command line's tests."""

from pathlib import Path

import pytest

from tests.support.builders import make_bundle
from tests.support.cli import Command, command


@pytest.fixture
def analyze(tmp_path: Path) -> Command:
    """Run `fer analyze` with a model that classifies by brightness."""
    return command("analyze", "--model", make_bundle(tmp_path / "bundle").path)
