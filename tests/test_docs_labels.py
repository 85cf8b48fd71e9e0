"""The labels that the docs tell a reader to press, open or choose are those of the pages."""

import ast
import re

import pytest

from fer.paths import CHECKOUT

DOCUMENTS = ("README.md", "data/README.md", ".github/ISSUE_TEMPLATE/bug.yml", "docs/*.md")
_TO_DO = re.compile(r"\b(?:press|open|choose|pick|turn|click)s?\b[^.*]{0,12}\*\*([^*]{2,30})\*\*", re.I)
# A page and what to press there, such as 'Upload > Try a sample'.
_PATH = re.compile(r"\w+ > (.+)")


def labels() -> list[tuple[str, str]]:
    """Return the files of the docs with the labels that each names."""
    files = [file for pattern in DOCUMENTS for file in sorted(CHECKOUT.glob(pattern))]
    texts = {file.relative_to(CHECKOUT).as_posix(): file.read_text("utf-8") for file in files}
    return [(name, label) for name, text in texts.items() for form in (_TO_DO, _PATH) for label in form.findall(text)]


@pytest.fixture(scope="module")
def strings() -> set[str]:
    """Return all strings of the pages' code."""
    files = [*CHECKOUT.glob("pages/*.py"), *CHECKOUT.glob("fer/ui/**/*.py")]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    return {str(node.value) for node in nodes if isinstance(node, ast.Constant)}


def test_labels_are_found_at_all() -> None:
    assert len(set(labels())) >= 15


@pytest.mark.parametrize(("file", "label"), sorted(set(labels())))
def test_a_label_in_the_docs_is_on_a_page(file: str, label: str, strings: set[str]) -> None:
    # Streamlit's camera component shows its START and STOP in capitals.
    assert label in strings or label.capitalize() in strings
