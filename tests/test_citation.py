"""How to cite the program: one version and one title, wherever they are stated."""

import re
from pathlib import Path

import yaml

import fer
from fer.paths import CHECKOUT


def bibtex(file: Path) -> dict[str, str]:
    (entry,) = re.findall(r"```bibtex\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL)
    return dict(re.findall(r"(\w+)\s*= \{(.*)\}", entry))


def test_the_citation_names_this_version_everywhere() -> None:
    citation = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["authors"] and citation["type"] == "software"
    assert citation["version"] == fer.__version__
    changelog = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {citation['version']} - {citation['date-released']}" in changelog
    for name in ("README.md", "model/README.md"):
        entry = bibtex(CHECKOUT / name)
        assert (entry["version"], entry["title"]) == (fer.__version__, citation["title"])
