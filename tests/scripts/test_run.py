"""The script behind make, with replaced tools."""

import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from fer.paths import CHECKOUT
from scripts import run
from tests.scripts.conftest import Calls


def test_app_passes_on_its_options(calls: Calls) -> None:
    assert run.main(["app", "--port", "8600"]) == 0
    assert calls[-1][1:] == ["-m", "fer", "app", "--port", "8600"]


def test_a_failed_step_ends_the_command(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda command, **_: SimpleNamespace(returncode=int("ruff" in command[0])))
    assert run.main(["quick"]) == 1


def test_a_failure_in_one_part_of_the_tests_runs_the_others_and_fails(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SKIP_BROWSER", "1")

    def fail_in_training(command: list[str], **_: object) -> SimpleNamespace:
        calls.append(command)
        return SimpleNamespace(returncode=int("training and not e2e and not soak" in command))

    monkeypatch.setattr(subprocess, "run", fail_in_training)
    assert run.main(["test"]) == 1
    assert [call[-1] for call in calls[-3:]] == [
        "training and not e2e and not soak",
        "e2e and not alone and not soak",
        "alone and not soak",
    ]
    assert "Some tests failed" in capsys.readouterr().err


def marked(*names: str) -> set[str]:
    """Return the files with tests that have one of these marks, without those of which a whole folder has it."""
    return {
        file.relative_to(CHECKOUT).as_posix()
        for file in CHECKOUT.glob("tests/**/test_*.py")
        if re.search(rf"mark\.({'|'.join(names)})\b", file.read_text(encoding="utf-8"))
    }


def test_all_tests_of_a_kind_are_where_they_are_looked_for() -> None:
    with_browser, training = marked("alone", "e2e"), marked("training")
    assert "tests/trust/test_quiet.py" in with_browser & training
    assert all(file.startswith(run.BROWSER_TESTS) for file in with_browser)
    # Tests with a browser that train are part of those with a browser.
    assert all(file.startswith(run.TRAINING_TESTS) for file in training if not file.startswith("tests/e2e/"))


@pytest.mark.parametrize("folder", run.NO_UNIT_TESTS)
def test_a_folder_without_unit_tests_marks_all_of_its_tests(folder: str) -> None:
    mark = folder.rpartition("/")[2]
    assert f'item.add_marker("{mark}")' in (CHECKOUT / folder / "conftest.py").read_text(encoding="utf-8")
    assert f"not {mark}" in run.UNIT


def test_the_scripts_import_no_tensorflow() -> None:
    """Else all tests that need none would import it with them, which takes as long as a hundred of them."""
    code = "import sys, scripts.int8, scripts.make_model, scripts.ship_model; sys.exit('keras' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=True)


def test_help_names_every_command() -> None:
    script = CHECKOUT / "scripts" / "run.py"
    done = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True)
    for name in run.COMMANDS:
        assert f"\n  {name} " in done.stdout


@pytest.mark.parametrize(
    "file", [".github/workflows/ci.yml", ".pre-commit-config.yaml", "README.md", "CONTRIBUTING.md"]
)
def test_commands_that_other_files_name_exist(file: str) -> None:
    text = (CHECKOUT / file).read_text(encoding="utf-8")
    named = re.findall(r"(?:make|scripts[/\\]run\.py) ([\w-]+)", text)
    assert named and set(named) <= {*run.COMMANDS, "X", "COMMAND"}


def test_make_has_every_command() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^COMMANDS := (.*)$", makefile, re.M)
    assert {*listed.split(), "app", "model"} == set(run.COMMANDS)
