"""What was evaluated is kept, found again, and never mistaken for something else."""

import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from fer.evaluation import store
from fer.evaluation.assessment import Assessment, assess
from fer.evaluation.latest import evaluations_dir, latest
from fer.evaluation.material import Source, load_material
from fer.evaluation.robustness import TRANSFORMS
from tests.datasets.forms import csv_lines, drawn, image_files, votes_lines, write_lines
from tests.evaluation.builders import grey_faces, material, tiny_classifier
from tests.evaluation.test_material import write_folders


@pytest.fixture(autouse=True)
def _home(fer_home: Path) -> None:
    """Every test has an empty FER_HOME."""


def assessed(tmp_path: Path, *, robustness: bool = False, wrong: int = 7) -> Assessment:
    found = material(grey_faces(wrong=wrong))
    store.save_material("choice", found)
    return assess(tiny_classifier(tmp_path / "bundle"), found, robustness=robustness)


def test_nothing_is_known_at_first(tmp_path: Path) -> None:
    assert store.known_faces("choice") is None
    assert store.find_material("choice") is None
    assert latest() is None
    assert store.disk_bytes() == 0
    assert not evaluations_dir().exists()


def test_an_assessment_comes_back_as_it_was(tmp_path: Path) -> None:
    made = assessed(tmp_path, robustness=True)
    store.save_assessment(made)
    found = store.find_material("choice")
    assert found is not None
    loaded = store.load_assessment(made.model.hash, found)
    assert loaded is not None
    assert np.array_equal(loaded.predictions.probabilities, made.predictions.probabilities)
    assert loaded.to_dict() == made.to_dict()
    assert store.has_result(made.model.hash, found.key, robustness=True)


def test_the_material_comes_back_with_origins_and_votes(tmp_path: Path) -> None:
    faces = drawn()
    table = write_lines(tmp_path / "fer2013.csv", csv_lines(faces))
    write_lines(tmp_path / "fer2013new.csv", votes_lines(faces))
    made = load_material(Source(str(table)))
    store.save_material("choice", made)
    found = store.find_material("choice")
    assert found is not None
    assert (found.key, found.split, found.origins, found.left_out) == (made.key, "test", made.origins, made.left_out)
    assert np.array_equal(found.faces.images, made.faces.images)
    assert found.faces.votes is not None and made.faces.votes is not None
    assert np.array_equal(found.faces.votes, made.faces.votes)


def test_another_model_or_other_faces_have_no_result_yet(tmp_path: Path) -> None:
    made = assessed(tmp_path)
    store.save_assessment(made)
    assert store.load_assessment("another", material(grey_faces(wrong=7))) is None
    assert store.load_assessment(made.model.hash, material(grey_faces(wrong=8))) is None


def test_robustness_is_missing_until_it_was_measured_with_this_table(tmp_path: Path) -> None:
    made = assessed(tmp_path)
    store.save_assessment(made)
    key = made.data.key
    assert store.has_result(made.model.hash, key, robustness=False)
    assert not store.has_result(made.model.hash, key, robustness=True)
    rows = assessed(tmp_path, robustness=True).robustness
    assert rows is not None
    store.save_assessment(made.with_robustness(rows[1:]))
    assert not store.has_result(made.model.hash, key, robustness=True)
    store.save_assessment(made.with_robustness(rows))
    assert store.has_result(made.model.hash, key, robustness=True)
    assert len(rows) == len(TRANSFORMS)


def test_two_layouts_of_the_same_images_share_faces_and_results(tmp_path: Path) -> None:
    faces = drawn()
    table = Source(str(write_lines(tmp_path / "fer2013.csv", csv_lines(faces))))
    folders = Source(str(write_folders(tmp_path / "folders", image_files(faces))))
    for source in (table, folders):
        store.save_material(store.choice_key(source), load_material(source))
    assert store.choice_key(table) != store.choice_key(folders)
    assert store.known_faces(store.choice_key(table)) == store.known_faces(store.choice_key(folders))
    assert len(list((evaluations_dir() / "faces").iterdir())) == 1
    found = store.find_material(store.choice_key(folders))
    assert found is not None
    assert found.origins[0].endswith(".png")


def test_a_changed_file_is_another_choice(tmp_path: Path) -> None:
    faces = drawn()
    source = Source(str(write_lines(tmp_path / "fer2013.csv", csv_lines(faces))))
    before = store.choice_key(source)
    assert store.choice_key(source) == before
    write_lines(tmp_path / "fer2013new.csv", votes_lines(faces))
    with_votes = store.choice_key(source)
    assert with_votes != before
    os.utime(tmp_path / "fer2013.csv", ns=(1, 1))
    assert store.choice_key(source) not in (before, with_votes)


@pytest.mark.parametrize(
    "change", [{"split": "train"}, {"photos": True}, {"photos": True, "detector": "haar"}, {"votes": "none.csv"}]
)
def test_another_option_is_another_choice(change: dict[str, object]) -> None:
    source = Source("synthetic")
    assert store.choice_key(replace(source, **change)) != store.choice_key(source)


def test_a_file_added_to_a_folder_is_another_choice(tmp_path: Path) -> None:
    folder = write_folders(tmp_path / "folders", image_files(drawn()))
    before = store.choice_key(Source(str(folder)))
    (folder / "test" / "happy" / "new.png").write_bytes(b"more")
    assert store.choice_key(Source(str(folder))) != before


@pytest.mark.parametrize("name", ["faces/*.npz", "results/*/probabilities.npy", "results/*/evaluation.json"])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, name: str) -> None:
    made = assessed(tmp_path)
    store.save_assessment(made)
    (file,) = evaluations_dir().glob(name)
    file.write_bytes(file.read_bytes()[:100])
    found = store.find_material("choice")
    assert found is None or store.load_assessment(made.model.hash, found) is None


def test_no_half_written_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(np, "save", broken)
    with pytest.raises(OSError, match="disk full"):
        store.save_assessment(assessed(tmp_path))
    (folder,) = (evaluations_dir() / "results").iterdir()
    assert list(folder.iterdir()) == []


def test_the_latest_is_the_one_made_last(tmp_path: Path) -> None:
    made = assessed(tmp_path)
    store.save_assessment(replace(made, made="2026-01-02T00:00:00+00:00"))
    other = replace(made, made="2026-01-03T00:00:00+00:00", model=replace(made.model, hash="other", name="newer"))
    store.save_assessment(other)
    found = latest()
    assert found is not None
    assert asdict(found) == {
        **{"model": "newer", "data": "greys", "split": "test", "n": 70, "accuracy": 0.9, "synthetic": False},
        "made": "2026-01-03T00:00:00+00:00",
    }


def test_all_can_be_deleted(tmp_path: Path) -> None:
    store.save_assessment(assessed(tmp_path))
    assert store.disk_bytes() > 70 * 48 * 48
    store.delete_all()
    assert store.disk_bytes() == 0
    assert latest() is None
