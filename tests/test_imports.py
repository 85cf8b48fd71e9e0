"""Import rules for `app.py`, which import-linter can't see, and a check that it sees the pages."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fer.paths import CHECKOUT

_OF_FER = ("fer.ui", "fer.results", "fer.emotions", "fer.errors")
_FORBIDDEN = ("cv2", "av", "streamlit_webrtc", "tensorflow", "keras")


def imported_modules(source: str) -> set[str]:
    """Return every module that a source imports: 'a.b' for `import a.b` and for `from a import b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def breaches(source: str) -> set[str]:
    """Return the imports of a page's source that the rules forbid."""

    def within(name: str, packages: tuple[str, ...]) -> bool:
        return any(name == package or name.startswith(f"{package}.") for package in packages)

    return {
        name
        for name in imported_modules(source)
        if within(name, _FORBIDDEN) or (within(name, ("fer",)) and not within(name, _OF_FER))
    }


def test_home_imports_only_the_user_interface() -> None:
    assert breaches((CHECKOUT / "app.py").read_text("utf-8")) == set()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from fer.ui.frame import page_frame", set()),
        ("from fer.emotions import EMOTIONS", set()),
        ("from fer import recognition", {"fer.recognition"}),
        ("import fer.vision.images", {"fer.vision.images"}),
        ("def draw():\n    import cv2", {"cv2"}),
        ("import fer.uix", {"fer.uix"}),
    ],
)
def test_the_check_finds_forbidden_imports(source: str, found: set[str]) -> None:
    assert breaches(source) == found


def test_import_linter_sees_the_pages(tmp_path: Path) -> None:
    """The digit before a page's name and the missing __init__.py must not hide it from the rules."""
    for file in ("fer/__init__.py", "fer/vision.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    page = tmp_path / "pages" / "9_Bad.py"
    page.parent.mkdir()
    page.write_text("import cv2\nimport fer.vision\n")
    rules = tmp_path / ".importlinter"
    rules.write_text(
        "[importlinter]\nroot_packages = fer, pages\ninclude_external_packages = True\n"
        "[importlinter:contract:pages]\nname = pages\ntype = forbidden\nsource_modules = pages\n"
        "forbidden_modules =\n  fer.*\n  cv2\nallow_indirect_imports = True\n".replace("fer, pages", "\n  fer\n  pages")
    )
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pages.9_Bad -> cv2" in done.stdout and "pages.9_Bad -> fer.vision" in done.stdout


def test_upward_imports_break_the_layers(tmp_path: Path) -> None:
    for name in ("fer", "pages", "pyproject.toml"):
        source = CHECKOUT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    for module, statement in (
        ("fer/vision/flow.py", "from fer.datasets import faces"),
        ("fer/evaluation/metrics.py", "from fer.runs import store"),
    ):
        with (tmp_path / module).open("a") as file:
            file.write(f"\n{statement}\n")
    # One run reports all of them.
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    for broken in ("fer.vision.flow -> fer.datasets.faces", "fer.evaluation.metrics -> fer.runs.store"):
        assert broken in done.stdout
