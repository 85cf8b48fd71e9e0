"""`fer evaluate` with data, names and files that it can't or can hardly use."""

from pathlib import Path

import pytest

from fer.datasets.faces import FaceDataset
from fer.datasets.readers.orders import PRESETS
from fer.datasets.store.importing import import_path
from tests.support.builders import make_bundle
from tests.support.cli import evaluate, metrics
from tests.support.forms import csv_lines, image_files, write_files, write_lines


def test_metrics_are_printed_even_if_they_cannot_be_stored(table: Path, model: Path, fer_home: Path) -> None:
    (fer_home / "evaluations").write_text("in the way")
    assert metrics(table, "--model", model)["n"] == 70
    assert "The result is not stored" in evaluate(table, "--model", model).stderr


def test_data_that_are_not_there_are_one_line_that_names_the_datasets(table: Path, model: Path) -> None:
    import_path(table, "mine")
    result = evaluate("nowhere", "--model", model)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert "no dataset is called 'nowhere'; give a file or folder, a dataset (mine), or 'synthetic'" in line


@pytest.mark.parametrize("option", ["--json", "--report"])
def test_a_file_that_cannot_be_written_is_refused_before_classifying(
    option: str, table: Path, model: Path, tmp_path: Path, classified: list[int]
) -> None:
    result = evaluate(table, "--model", model, option, tmp_path / "nowhere" / "r.json")
    assert result.exit_code == 1 and "cannot be written" in result.stderr
    (tmp_path / "folder.json").mkdir()
    assert "is a folder" in evaluate(table, "--model", model, option, tmp_path / "folder.json").stderr
    assert classified == []


@pytest.mark.parametrize("name", ["[bold]greys", "[b]x[nothing]"])
def test_a_name_with_brackets_is_printed_verbatim(name: str, faces: FaceDataset, tmp_path: Path) -> None:
    model = make_bundle(tmp_path / name / "bundle").path
    (tmp_path / "[red]").mkdir()
    table = write_lines(tmp_path / "[red]" / "f.csv", csv_lines(faces))
    other = make_bundle(tmp_path / "[other]").path
    result = evaluate(table, "--model", model, "--against", other)
    assert result.exit_code == 0, result.output
    words = result.stdout.replace("\n", "")
    assert f"'{model.parent.name}' on " in words and "[red]" in words and "[other]" in words


def rubbish(folder: Path) -> dict[str, list[object]]:
    (folder / "rubbish.csv").write_bytes(b"\x00\xff not a table")
    (folder / "empty").mkdir()
    (folder / "poem.txt").write_text("roses are red")
    (folder / "no_model").mkdir()
    return {
        "missing": [folder / "missing.csv"],
        "rubbish": [folder / "rubbish.csv"],
        "empty folder": [folder / "empty"],
        "text": [folder / "poem.txt"],
        "photos of nothing": [folder / "empty", "--photos"],
        "no such split": ["synthetic", "--split", "everything"],
        "no model": ["synthetic", "--model", folder / "no_model"],
        "report of no form": ["synthetic", "--report", folder / "report.pdf"],
        "nobody's home": ["~nosuchuser/faces"],
        "a long name": ["x" * 300],
        "unwritable": ["synthetic", "--json", folder / "nowhere" / "metrics.json"],
    }


@pytest.mark.parametrize(
    "what",
    [
        *("missing", "rubbish", "empty folder", "text", "photos of nothing", "no such split", "no model"),
        *("report of no form", "nobody's home", "a long name", "unwritable"),
    ],
)
def test_bad_input_gives_one_sentence(what: str, tmp_path: Path, model: Path) -> None:
    arguments = rubbish(tmp_path)[what]
    if "--model" not in arguments:
        arguments += ["--model", model]
    result = evaluate(*arguments)
    assert result.exit_code == 1
    (line,) = [line for line in result.stderr.splitlines() if line.strip()]
    assert line.startswith("Error: ") and line.endswith(".")
    assert "Traceback" not in result.output


def test_numbered_folders_need_a_label_order(faces: FaceDataset, table: Path, model: Path, tmp_path: Path) -> None:
    numbers = {label: str(number) for number, label in PRESETS["affectnet"].labels.items()}
    root = write_files(tmp_path / "numbered", image_files(faces, [numbers[label] for label in range(7)]))
    refused = evaluate(root, "--model", model)
    assert refused.exit_code == 1 and "name their order by --labels affectnet" in refused.stderr
    right = metrics(root, "--model", model, "--labels", "affectnet")
    assert right["accuracy"] == metrics(table, "--model", model)["accuracy"]
    assert metrics(root, "--model", model, "--labels", "fer2013")["accuracy"] < right["accuracy"]
