"""The data that pages offer for training and evaluation."""

from pathlib import Path

from fer.datasets.store.importing import import_path
from fer.ui.data_choice import ELSEWHERE, data_options
from tests.support.forms import csv_lines, synthetic_faces, votes_lines, write_lines


def test_without_data_synthetic_faces_and_a_path_are_offered(fer_home: Path) -> None:
    assert list(data_options()) == ["synthetic", ELSEWHERE]


def test_datasets_come_first_then_files_in_the_folder_except_votes_and_notes(fer_home: Path, tmp_path: Path) -> None:
    table = write_lines(tmp_path / "faces.csv", csv_lines(synthetic_faces()))
    made = import_path(table, "mine")
    folder = fer_home / "data"
    for name in ("b.zip", "A.CSV", "README.md", "notes.txt", ".hidden.csv"):
        (folder / name).touch()
    write_lines(folder / "fer2013new (1).csv", votes_lines(synthetic_faces()))
    (folder / "photos").mkdir()
    options = data_options()
    offered = ["mine", "A.CSV", "b.zip", "photos"]
    assert list(options) == [*(str(folder / name) for name in offered), "synthetic", ELSEWHERE]
    assert options[str(folder / "mine")] == f"mine ({made.n_images:,} images)"
    assert options[str(folder / "b.zip")] == "data/b.zip"
