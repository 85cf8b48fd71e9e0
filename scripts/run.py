"""Set up the environment and run a command of the project, on Linux, macOS and Windows.

    python scripts/run.py app      # on Windows: py scripts/run.py app

It needs nothing but Python: the first call makes .venv and installs what the command needs. `make COMMAND` is the same.
The first line of each command's docstring is its help.
"""

from __future__ import annotations  # an old Python must reach the sentence that names the version needed

import argparse
import shutil
import sys
from pathlib import Path

# Started as a file, Python finds only what is next to it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.environment import (
    ROOT,
    CommandError,
    ensure_browser,
    ensure_installed,
    passes,
    pytest,
    python,
    tool,
)

UNIT = "not e2e and not training and not soak and not deploy"
TWO_CORES = ("-n", "2", "--dist", "loadfile")
# Where all tests of a kind are, or none, so that pytest needn't import the others, or TensorFlow, to find them.
NO_UNIT_TESTS = ("tests/training", "tests/e2e", "tests/soak", "tests/deploy")
TRAINING_TESTS = ("tests/training", "tests/portability", "tests/scripts", "tests/trust", "tests/ui/test_explanation.py")
BROWSER_TESTS = ("tests/e2e", "tests/trust")
# Fast tests without pages and processes, which fail first.
QUICK_TESTS = ("tests/vision", "tests/recognition", "tests/live", "tests/cli", "tests/scripts")
CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".cache")  # the last one is Zensical's


def app(extra: list[str]) -> None:
    """Open the dashboard; options: --port 8600, --no-browser."""
    ensure_installed("app")
    python("-m", "fer", "app", *extra)


def test(extra: list[str]) -> None:
    """Check everything: what 'check' does, the docs, training, and the browser tests."""
    check([])
    docs([])
    ensure_browser()
    shutil.rmtree(ROOT / "test-results", ignore_errors=True)
    parts = (
        (*TWO_CORES, *TRAINING_TESTS, "-m", "training and not e2e and not soak"),
        # In the order of tests/e2e/conftest.py: by default a file of few tests starts last, though it may take longest.
        (*TWO_CORES, "--no-loadscope-reorder", *BROWSER_TESTS, "-m", "e2e and not alone and not soak"),
        (*BROWSER_TESTS, "-m", "alone and not soak"),
    )
    # Each takes minutes, so a failure in one must not hide failures in the next.
    passed = [passes(*part) for part in parts]
    if not all(passed):
        raise CommandError("Some tests failed; see above.")


def check(extra: list[str]) -> None:
    """Check style, types, import rules, and what needs neither a browser nor TensorFlow."""
    ensure_installed("app", "dev")
    lint([])
    types([])
    imports([])
    pytest(*TWO_CORES, *(f"--ignore={folder}" for folder in NO_UNIT_TESTS), "-m", UNIT, *extra)


def quick(extra: list[str]) -> None:
    """Check style, types and import rules, and run the fast tests: under a minute."""
    lint([])
    types([])
    imports([])
    at_the_top = sorted(str(file.relative_to(ROOT)) for file in ROOT.glob("tests/test_*.py"))
    pytest(*TWO_CORES, "-q", "-m", f"{UNIT} and not slow", *QUICK_TESTS, *at_the_top, *extra)


def coverage(extra: list[str]) -> None:
    """Measure which lines the tests run, without those of the browser."""
    ensure_installed("app", "dev")
    pytest(*TWO_CORES, "-m", "not e2e and not soak and not deploy", "--cov", "--cov-report=term:skip-covered", *extra)


def lint(extra: list[str]) -> None:
    """Check style and format."""
    ensure_installed("app", "dev")
    tool("ruff", "check", ".", *extra)
    tool("ruff", "format", "--check", ".")


def format_code(extra: list[str]) -> None:
    """Fix style and format."""
    ensure_installed("app", "dev")
    tool("ruff", "check", "--fix-only", ".", *extra)
    tool("ruff", "format", ".")


def types(extra: list[str]) -> None:
    """Check types."""
    ensure_installed("app", "dev")
    tool("mypy", *extra)


def imports(extra: list[str]) -> None:
    """Check the import rules."""
    ensure_installed("app", "dev")
    tool("lint-imports", "--no-cache", *extra)


def docs(extra: list[str]) -> None:
    """Build the documentation into site/; 'docs serve' shows it while you write."""
    ensure_installed("app", "docs")
    python("-m", "scripts.docs_pages", *(extra if extra[:1] == ["serve"] else ["build", *extra]))


def wheel(extra: list[str]) -> None:
    """Build the package into dist/."""
    ensure_installed("app", "dev")
    python("-m", "build", "--no-isolation", *extra)


def model(extra: list[str]) -> None:
    """Train the shipped model again, in hours: model FER2013.CSV [FER2013NEW.CSV]."""
    ensure_installed("app")
    python("-m", "scripts.make_model", *extra)


def soak(extra: list[str]) -> None:
    """Run the camera for many minutes, and kill trainings at random moments."""
    ensure_installed("app", "dev")
    ensure_browser()
    pytest("-m", "soak", "-s", "tests/soak", *extra)


def attack(extra: list[str]) -> None:
    """Attack the program with malicious inputs; options: pictures, archives, models, state, --count, --seed."""
    ensure_installed("app", "dev")
    python("-m", "scripts.attack", *extra)


def deploy_test(extra: list[str]) -> None:
    """Try deploy/ as root on Debian: images, and a browser's way through Caddy and coturn to the app."""
    ensure_installed("app", "dev")
    ensure_browser()
    pytest("-m", "deploy", "tests/deploy", *extra)


def lock(extra: list[str]) -> None:
    """Write the lock files of the container images from requirements.txt and constraints.txt."""
    ensure_installed("supply")
    python("-m", "scripts.lock", *extra)


def sbom(extra: list[str]) -> None:
    """Write dist/sbom.cdx.json, which lists what the full image contains (CycloneDX)."""
    ensure_installed("supply")
    (ROOT / "dist").mkdir(exist_ok=True)
    options = ("--pyproject", "pyproject.toml", "--output-reproducible", "-o", "dist/sbom.cdx.json", "deploy/full.lock")
    tool("cyclonedx-py", "requirements", *options, *extra)


def clean(extra: list[str]) -> None:
    """Delete .venv and what the tools have written."""
    for name in (
        ".venv",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        "test-results",
        "site",
        "site-pages",
        ".cache",
        "dist",
    ):
        folder = ROOT / name
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder, ignore_errors=True)


COMMANDS = {
    "app": app, "test": test, "check": check, "quick": quick, "coverage": coverage, "lint": lint,
    "format": format_code, "types": types, "imports": imports, "docs": docs, "wheel": wheel, "model": model,
    "soak": soak, "attack": attack, "deploy-test": deploy_test, "lock": lock, "sbom": sbom, "clean": clean,
}  # fmt: skip


def main(arguments: list[str]) -> int:
    """Run the command that is named first, with the rest as its options. Return the exit code."""
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:{width}}  {command.__doc__}" for name, command in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/run.py",
        description="Set up the environment and run a command of the project.",
        epilog=f"commands:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    parser.add_argument("options", nargs=argparse.REMAINDER, metavar="...", help="further options of the command")
    parsed = parser.parse_args(arguments)
    try:
        COMMANDS[parsed.command](parsed.options)
    except CommandError as reason:
        if str(reason):
            print(f"Error: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
