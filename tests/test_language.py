"""Words that read as if translated stay out of the program, its templates, its tests and its docs."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer.paths import CHECKOUT

# Retired words, and what to write instead.
RETIRED = {
    r"go(es|ing)? on\b": "continues, resumes, is running",
    r"\bbeside\b": "and, next to, with, while",
    r"\bjudge[sd]?\b|\bjudging\b": "evaluate, classify, validate",
    r"\bspoil(s|ed|ing)?\b": "corrupt, damage",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\bfigures\b": "metrics, numbers, results",
    r"\bdrawn (face|by this program)": "synthetic faces",
    r"\bcome by\b|\b(brought|bring|brings) (\S+ )?in\b": "import",
    r"\bby itself\b": "automatically, on its own",
    r"\bno numbers?\b(?! of)": "NaN or infinite values",
    r"\bthat (is|are) none\b": "isn't a ...",
    r"\bno (picture|image) that\b": "isn't a readable image",
    r"\bdata sets?\b": "dataset",
    r"\bits turn\b|\btake it out\b": "queued, remove",
    r"\bfound no room\b": "didn't fit",
    r"\btakes for which\b": "confusion matrix",
    r"\bwithout a word\b": "unexpectedly",
    r"\bis no fault\b": "is normal",
    r"\bwhat is (kept|given|judged)\b": "say who does what",
    r"\ba face takes\b": "... per face",
    r"\bgive(s|n)? back\b|\bhands? back\b": "return",
}
TEXTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md", "model/README.md")


def findings(text: str) -> list[str]:
    """Return the retired words of a text, each with its replacement."""
    text = re.sub(r"<!--.*?-->", "", text)  # marks between which a script writes, invisible to readers
    return [f"'{found[0]}': {better}" for words, better in RETIRED.items() for found in re.finditer(words, text, re.I)]


def strings(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and text of every string and comment of a module: labels, errors, help, docstrings, reasons."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, " ".join(node.value.split())
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def sources() -> list[Path]:
    patterns = ("app.py", "pages/*.py", "fer/**/*.py", "scripts/*.py", "benchmarks/*.py", "tests/**/*.py")
    files = [file for pattern in patterns for file in sorted(CHECKOUT.glob(pattern))]
    return [file for file in files if file != Path(__file__)]


def documents() -> list[Path]:
    patterns = ("docs/*.md", "benchmarks/*.md", "fer/**/*.html", ".github/**/*.md", ".github/**/*.yml")
    return [*(CHECKOUT / name for name in TEXTS), *(file for one in patterns for file in sorted(CHECKOUT.glob(one)))]


def name_of(file: Path) -> str:
    return file.relative_to(CHECKOUT).as_posix()


@pytest.mark.parametrize("file", sources(), ids=name_of)
def test_the_program_uses_no_retired_word(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    found = [f"line {line}: {one}" for line, string in strings(text) for one in findings(string)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("file", documents(), ids=name_of)
def test_the_docs_use_no_retired_word(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    found = [f"line {number}: {one}" for number, line in enumerate(lines, start=1) for one in findings(line)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("A run is going on. Choose one below.", 1),
        ("Three photos found no room", 1),
        ("Bring FER-2013 in as you have it, see what is in it, and mend it.", 2),
        ("The confusion matrix of a dataset", 0),
        ("Every figure has a caption.", 0),
    ],
)
def test_the_check_finds_what_it_looks_for(text: str, n: int) -> None:
    assert len(findings(text)) == n
