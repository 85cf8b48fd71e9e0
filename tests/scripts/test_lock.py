"""The lock files match the requirements, and name a hash for each version."""

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fer.paths import CHECKOUT
from tests.support.requirement_files import pins, requirements

_ENTRY = re.compile(r"^([\w.-]+)==(\S+?)(?: ;.*?)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.M)
_TRAINING = {"tensorflow", "keras", "tf2onnx"}


def locked(name: str) -> dict[str, str]:
    """Return the version of each package in a lock file; every line of it belongs to a package with hashes."""
    text = (CHECKOUT / "deploy" / f"{name}.lock").read_text(encoding="utf-8")
    assert not _ENTRY.sub("", text).replace("# Written by: python scripts/run.py lock\n", "").strip()
    return {canonicalize_name(entry[1]): entry[2] for entry in _ENTRY.finditer(text)}


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("serve", ["requirements.txt"]),
        ("full", ["requirements.txt", "requirements-training.txt"]),
        ("installer", []),
    ],
)
def test_every_requirement_is_locked_to_a_version_that_was_tested(name: str, files: list[str]) -> None:
    versions, tested = locked(name), pins()
    for requirement in [item for file in files for item in requirements(file)]:
        assert isinstance(requirement, Requirement)
        assert versions[canonicalize_name(requirement.name)] in requirement.specifier
    # uv also locks what other systems need, such as colorama. That is not in constraints.txt.
    assert {package: version for package, version in versions.items() if tested.get(package, version) != version} == {}


def test_only_the_full_image_trains() -> None:
    assert set(locked("full")) >= _TRAINING
    assert not set(locked("serve")) & _TRAINING


def test_what_installs_the_images_is_only_uv() -> None:
    assert set(locked("installer")) == {"uv"}
