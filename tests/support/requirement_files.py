"""The requirements of the project and the versions of constraints.txt, as data."""

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fer.paths import CHECKOUT


def _lines(file: str) -> list[str]:
    text = (CHECKOUT / file).read_text(encoding="utf-8")
    return [stripped for line in text.splitlines() if (stripped := line.partition("#")[0].strip())]


def requirements(file: str) -> list[Requirement]:
    """Return the requirements of a file, without those of the files that it includes."""
    return [Requirement(line) for line in _lines(file) if not line.startswith("-")]


def pins() -> dict[str, str]:
    """Return the version of each package in constraints.txt, by its canonical name."""
    pairs = (line.split("==") for line in _lines("constraints.txt"))
    return {canonicalize_name(name): version for name, version in pairs}
