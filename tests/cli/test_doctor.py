import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer.datasets.faces import FaceDataset
from fer.datasets.store.corrections import correct, corrections_file, write_corrections
from fer.datasets.store.importing import import_path
from fer.paths import data_dir
from tests.support.cli import Command, command
from tests.support.forms import csv_lines, image_files, plus, synthetic_faces, votes_lines, write_files, write_lines


@pytest.fixture
def doctor(fer_home: Path) -> Command:
    """Run `fer doctor`."""
    return command("doctor")


@pytest.fixture
def sick() -> FaceDataset:
    """42 faces; then one of train again in test (42), the same with another label (43), a blank (44)."""
    dataset = synthetic_faces()
    dataset = plus(dataset, dataset.images[3], int(dataset.labels[3]), 2)
    dataset = plus(dataset, dataset.images[6], (int(dataset.labels[6]) + 1) % 7)
    return plus(dataset, np.zeros((48, 48)), 0)


def test_json_on_standard_output_holds_every_finding_and_nothing_else(
    doctor: Command, sick: FaceDataset, tmp_path: Path
) -> None:
    result = doctor(write_lines(tmp_path / "fer2013.csv", csv_lines(sick)), "--json", "-")
    report = json.loads(result.stdout)
    assert (report["n"], report["fingerprint"]) == (45, sick.fingerprint)
    found = {item["kind"]: [image["image"] for image in item["images"]] for item in report["findings"]}
    assert found == {
        "exact_duplicates": [3, 42, 6, 43],
        "exact_across_splits": [3, 42],
        "exact_contradicting": [6, 43],
        "blank": [44],
    }
    first = report["findings"][0]["images"][0]
    assert (first["origin"], first["split"], first["group"]) == ("line 5", "train", 0)
    assert "Exact duplicates" in result.stderr


def test_numbered_folders_are_examined_with_a_label_order(doctor: Command, tmp_path: Path) -> None:
    dataset = synthetic_faces()
    root = write_files(tmp_path / "faces", image_files(dataset, "0123456"))
    refused = doctor(root)
    assert refused.exit_code == 1 and "--labels affectnet" in refused.stderr
    report = json.loads(doctor(root, "--labels", "fer2013", "--json", "-").stdout)
    assert (report["n"], report["fingerprint"]) == (42, dataset.fingerprint)
    assert "can't be read at 'bogus'" in doctor(root, "--labels", "bogus").stderr


def test_the_csv_names_files(doctor: Command, sick: FaceDataset, tmp_path: Path) -> None:
    root = write_files(tmp_path / "faces", image_files(sick))
    result = doctor(root, "--csv", tmp_path / "findings.csv")
    assert result.exit_code == 0 and "Blank images" in result.stdout
    frame = pd.read_csv(tmp_path / "findings.csv")
    blank = frame[frame["finding"] == "blank"]
    assert blank["origin"].tolist() == ["train/angry/00044.png"]


@pytest.mark.slow
def test_an_imported_dataset_is_found_by_name_and_clean_data_have_no_findings(doctor: Command, tmp_path: Path) -> None:
    import_path(write_lines(tmp_path / "fer2013.csv", csv_lines(synthetic_faces())))
    result = doctor("fer2013")
    assert "fer2013: 42 images" in result.stdout and "No problems found." in result.stdout
    assert "These faces are synthetic." in doctor("synthetic").stdout


def test_the_votes_file_is_named_by_an_option(doctor: Command, tmp_path: Path) -> None:
    dataset = synthetic_faces()
    votes = np.zeros((42, 10), np.uint8)
    votes[:, 9] = 10
    file = write_lines(tmp_path / "crowd.csv", votes_lines(dataset, votes))
    table = write_lines(tmp_path / "fer2013.csv", csv_lines(dataset))
    assert "No problems found." in doctor(table).stdout
    report = json.loads(doctor(table, "--votes", file, "--json", "-").stdout)
    assert [(item["kind"], item["n_images"]) for item in report["findings"]] == [("not_a_face", 42)]


def test_corrections_are_applied_on_request(doctor: Command, sick: FaceDataset, tmp_path: Path) -> None:
    import_path(write_lines(tmp_path / "fer2013.csv", csv_lines(sick)))
    made = [correct(sick, 44, None), correct(sick, 43, int(sick.labels[6])), correct(sick, 0, None)]
    write_corrections(corrections_file(data_dir() / "fer2013"), made)
    report = json.loads(doctor("fer2013", "--corrections", "--json", "-").stdout)
    found = {item["kind"]: [image["origin"] for image in item["images"]] for item in report["findings"]}
    assert found == {
        "exact_duplicates": ["line 5", "line 44", "line 8", "line 45"],
        "exact_across_splits": ["line 5", "line 44"],
    }


def test_unreadable_data_give_one_sentence(doctor: Command, tmp_path: Path) -> None:
    lines = csv_lines(synthetic_faces())
    lines[2] = "x" + lines[2]
    result = doctor(write_lines(tmp_path / "fer2013.csv", lines))
    assert "1 couldn't be read; the first is line 3" in result.stdout
    missing = doctor(tmp_path / "nowhere")
    assert missing.exit_code == 1 and "doesn't exist" in missing.stderr


@pytest.mark.parametrize("option", ["--json", "--csv"])
def test_an_unwritable_output_is_refused_before_the_work(
    doctor: Command, tmp_path: Path, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer.cli.doctor.examine", lambda *_: pytest.fail("it was examined all the same"))
    unwritable = doctor("synthetic", option, tmp_path / "no" / "such" / "file")
    assert unwritable.exit_code == 1 and "cannot be written" in unwritable.stderr
    assert "is a folder" in doctor("synthetic", option, tmp_path).stderr


def test_table_cells_are_neither_markup_nor_terminal_codes(doctor: Command, tmp_path: Path) -> None:
    lines = csv_lines(synthetic_faces())
    lines[2] = "[/b]\x1b[31m" + lines[2]
    result = doctor(write_lines(tmp_path / "[b] fer.csv", lines))
    assert result.exit_code == 0
    assert "label '[/b]\\x1b[31m" in result.stdout and "[b] fer.csv: 41 images" in result.stdout


def test_only_the_csv_is_on_standard_output(doctor: Command, sick: FaceDataset, tmp_path: Path) -> None:
    table = write_lines(tmp_path / "fer2013.csv", csv_lines(sick))
    result = doctor(table, "--csv", "-")
    assert result.stdout.startswith("finding,group,image") and "Blank images" in result.stderr
    both = doctor(table, "--csv", "-", "--json", "-")
    assert both.exit_code == 2 and "not both" in both.stderr
