"""Results are stored, found again, and never confused."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from fer.datasets.store.catalog import dataset_folder
from fer.datasets.store.corrections import correct, corrections_file, write_corrections
from fer.datasets.store.importing import import_path
from fer.errors import EvaluationError
from fer.evaluation import keys, store
from fer.evaluation.evaluation_result import EvaluationResult, evaluate_model
from fer.evaluation.evaluation_set import Source, load_evaluation_set
from fer.evaluation.job import Job
from fer.evaluation.latest import evaluations_dir, latest
from fer.evaluation.robustness import TRANSFORMS
from fer.jobs.job import DONE, PROGRESS_FILE, RUNNING, Progress
from fer.storage.files import write_json
from fer.storage.processes import stamp_of
from tests.support.evaluations import evaluation_set, grey_faces, tiny_classifier
from tests.support.forms import csv_lines, image_files, synthetic_faces, votes_lines, write_files, write_lines


@pytest.fixture(autouse=True)
def _home(fer_home: Path) -> None:
    """Give every test an empty FER_HOME."""


def assessed(tmp_path: Path, *, robustness: bool = False, wrong: int = 7) -> EvaluationResult:
    found = evaluation_set(grey_faces(wrong=wrong))
    store.save_evaluation_set("choice", found)
    return evaluate_model(tiny_classifier(tmp_path / "bundle"), found, robustness=robustness)


def test_there_is_no_result_at_first(tmp_path: Path) -> None:
    assert store.known_faces("choice") is None
    assert store.find_evaluation_set("choice") is None
    assert latest("model") is None
    assert store.disk_bytes() == 0
    assert not evaluations_dir().exists()


def test_a_result_is_read_back_unchanged(tmp_path: Path) -> None:
    made = replace(assessed(tmp_path, robustness=True), version="0.9.0")
    store.save_result(made)
    found = store.find_evaluation_set("choice")
    assert found is not None
    loaded = store.load_result(made.model.hash, found)
    assert loaded is not None
    assert np.array_equal(loaded.predictions.probabilities, made.predictions.probabilities)
    assert loaded.to_dict() == made.to_dict()
    assert loaded.about == made.about and loaded.version == "0.9.0"


def test_the_evaluation_set_is_read_back_with_origins_and_votes(tmp_path: Path) -> None:
    faces = synthetic_faces()
    table = write_lines(tmp_path / "fer2013.csv", csv_lines(faces))
    write_lines(tmp_path / "fer2013new.csv", votes_lines(faces))
    made = load_evaluation_set(Source(str(table)))
    store.save_evaluation_set("choice", made)
    found = store.find_evaluation_set("choice")
    assert found is not None
    assert (found.key, found.split, found.origins, found.left_out) == (made.key, "test", made.origins, made.left_out)
    assert np.array_equal(found.faces.images, made.faces.images)
    assert found.faces.votes is not None and made.faces.votes is not None
    assert np.array_equal(found.faces.votes, made.faces.votes)


def test_stored_faces_say_something_new_only_under_a_new_format() -> None:
    """Older ones would be found and lack it. Where this fails, increase `keys._FORMAT`, then change both lines here."""
    store.save_evaluation_set("choice", evaluation_set(grey_faces()))
    values = json.loads((evaluations_dir() / "choices" / "choice.json").read_text())
    about = ("faces", "name", "synthetic", "split", "derived", "photos", "detector", "undivided", "origins", "left_out")
    assert (keys._FORMAT, tuple(values)) == (5, about)


def test_another_model_or_other_faces_have_no_result_yet(tmp_path: Path) -> None:
    made = assessed(tmp_path)
    store.save_result(made)
    assert store.load_result("another", evaluation_set(grey_faces(wrong=7))) is None
    assert store.load_result(made.model.hash, evaluation_set(grey_faces(wrong=8))) is None


def test_robustness_is_missing_until_it_is_measured_with_the_current_transforms(tmp_path: Path) -> None:
    made = assessed(tmp_path)
    found = evaluation_set(grey_faces(wrong=7))

    def kept() -> EvaluationResult:
        loaded = store.load_result(made.model.hash, found)
        assert loaded is not None
        return loaded

    store.save_result(made)
    assert kept().robustness is None
    rows = assessed(tmp_path, robustness=True).robustness
    assert rows is not None
    store.save_result(made.with_robustness(rows[1:]))
    assert kept().robustness is None
    store.save_result(made.with_robustness(rows))
    assert kept().robustness == rows
    assert len(rows) == len(TRANSFORMS)


def test_a_rewritten_result_has_another_stamp(tmp_path: Path) -> None:
    made = assessed(tmp_path)
    key = made.data.key
    assert store.result_stamp(made.model.hash, key) is None
    store.save_result(made)
    first = store.result_stamp(made.model.hash, key)
    assert first is not None and first[1] is None
    store.save_result(made)
    second = store.result_stamp(made.model.hash, key)
    assert second is not None and second != first
    store.save_result(assessed(tmp_path, robustness=True))
    third = store.result_stamp(made.model.hash, key)
    assert third is not None and third[1] is not None


def test_two_layouts_of_the_same_images_share_faces_and_results(tmp_path: Path) -> None:
    faces = synthetic_faces()
    table = Source(str(write_lines(tmp_path / "fer2013.csv", csv_lines(faces))))
    folders = Source(str(write_files(tmp_path / "folders", image_files(faces))))
    for source in (table, folders):
        store.save_evaluation_set(keys.choice_key(source), load_evaluation_set(source))
    assert keys.choice_key(table) != keys.choice_key(folders)
    assert store.known_faces(keys.choice_key(table)) == store.known_faces(keys.choice_key(folders))
    assert len(list((evaluations_dir() / "faces").iterdir())) == 1
    found = store.find_evaluation_set(keys.choice_key(folders))
    assert found is not None
    assert found.origins[0].endswith(".png")


def test_a_changed_file_has_another_key(tmp_path: Path) -> None:
    faces = synthetic_faces()
    source = Source(str(write_lines(tmp_path / "fer2013.csv", csv_lines(faces))))
    before = keys.choice_key(source)
    assert keys.choice_key(source) == before
    write_lines(tmp_path / "fer2013new.csv", votes_lines(faces))
    with_votes = keys.choice_key(source)
    assert with_votes != before
    os.utime(tmp_path / "fer2013.csv", ns=(1, 1))
    assert keys.choice_key(source) not in (before, with_votes)


@pytest.mark.parametrize("name", ["FER2013new.csv", "fer2013new (1).csv"])
def test_votes_under_any_accepted_name_have_another_key(name: str, tmp_path: Path) -> None:
    faces = synthetic_faces()
    source = Source(str(write_lines(tmp_path / "fer2013.csv", csv_lines(faces))))
    before = keys.choice_key(source)
    (tmp_path / "notes.txt").write_text("no part of it")
    assert keys.choice_key(source) == before
    write_lines(tmp_path / name, votes_lines(faces))
    assert load_evaluation_set(source).faces.votes is not None
    assert keys.choice_key(source) != before


def test_corrections_of_a_dataset_are_ignored_and_keep_the_key(tmp_path: Path) -> None:
    faces = synthetic_faces()
    import_path(write_lines(tmp_path / "fer2013.csv", csv_lines(faces)), "mine")
    folder = dataset_folder("mine")
    source = Source(str(folder))
    choice, found = keys.choice_key(source), load_evaluation_set(source)
    file = corrections_file(folder)
    changes = [correct(faces, index, (label + 1) % 7) for index, label in enumerate(faces.labels.tolist())]
    write_corrections(file, changes)
    assert load_evaluation_set(source).key == found.key
    assert keys.choice_key(source) == choice
    # The temporary file of a process that is writing them.
    file.rename(file.with_name(f"{file.name}.new"))
    assert keys.choice_key(source) == choice
    os.utime(folder / "labels.npy", ns=(1, 1))
    assert keys.choice_key(source) != choice


@pytest.mark.parametrize(
    "change", [{"split": "train"}, {"photos": True}, {"photos": True, "detector": "haar"}, {"votes": "none.csv"}]
)
def test_another_option_has_another_key(change: dict[str, object]) -> None:
    source = Source("synthetic")
    assert keys.choice_key(replace(source, **change)) != keys.choice_key(source)


def test_a_file_added_to_a_folder_changes_the_key(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "folders", image_files(synthetic_faces()))
    before = keys.choice_key(Source(str(folder)))
    (folder / "test" / "happy" / "new.png").write_bytes(b"more")
    assert keys.choice_key(Source(str(folder))) != before


@pytest.mark.parametrize("name", ["faces/*.npz", "results/*/probabilities.npy", "results/*/evaluation.json"])
def test_a_damaged_file_counts_as_missing_and_is_rewritten(tmp_path: Path, name: str) -> None:
    made = assessed(tmp_path)
    store.save_result(made)
    (file,) = evaluations_dir().glob(name)
    file.write_bytes(file.read_bytes()[:100])
    found = store.find_evaluation_set("choice")
    assert found is None or store.load_result(made.model.hash, found) is None
    store.save_result(assessed(tmp_path))
    found = store.find_evaluation_set("choice")
    assert found is not None
    assert store.load_result(made.model.hash, found) is not None


@pytest.mark.parametrize("made", ["yesterday", "", 7, None, "2026-01-01T00:00:00", "2026-13-01T00:00:00+00:00"])
def test_a_result_without_a_proper_time_is_damaged(tmp_path: Path, made: object) -> None:
    """The page says how long ago it was made."""
    result = assessed(tmp_path)
    store.save_result(result)
    (file,) = evaluations_dir().glob("results/*/evaluation.json")
    write_json(file, json.loads(file.read_text()) | {"made": made})
    found = store.find_evaluation_set("choice")
    assert found is not None and store.load_result(result.model.hash, found) is None


def test_no_partial_file_remains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(np, "save", broken)
    with pytest.raises(store.StoreError, match="disk full"):
        store.save_result(assessed(tmp_path))
    (folder,) = (evaluations_dir() / "results").iterdir()
    assert list(folder.iterdir()) == []


def test_partial_files_of_ended_processes_are_removed_and_others_kept() -> None:
    folder = evaluations_dir() / "results" / "some"
    folder.mkdir(parents=True)
    old, new, whole = folder / ".probabilities.npy-0a.part", folder / ".evaluation.json-0b.part", folder / "x.npy"
    for file in (old, new, whole):
        file.write_bytes(b"half")
    for file in (old, whole):
        os.utime(file, (1, 1))
    store.sweep()
    assert set(folder.iterdir()) == {new, whole}


def test_an_unwritable_folder_gives_a_sentence(tmp_path: Path) -> None:
    made = evaluate_model(tiny_classifier(tmp_path / "bundle"), evaluation_set(grey_faces()))
    evaluations_dir().write_text("in the way")
    for keep in (
        lambda: store.save_result(made),
        lambda: store.save_evaluation_set("choice", evaluation_set(grey_faces())),
    ):
        with pytest.raises(EvaluationError, match=r"can't be written: .*FER_HOME"):
            keep()
    with pytest.raises(EvaluationError, match="can't be written"), store.alone("key"):
        pass


def test_a_file_that_disappears_meanwhile_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_files(tmp_path / "folders", image_files(synthetic_faces()))
    gone = folder / "test" / "happy" / "gone.png"
    walk = os.walk
    monkeypatch.setattr(keys.os, "walk", lambda root: [*walk(root), (str(gone.parent), [], [gone.name])])
    assert keys.choice_key(Source(str(folder)))


def test_the_latest_result_of_a_model_is_found(tmp_path: Path) -> None:
    made = assessed(tmp_path)
    other = replace(made, made="2026-01-04T00:00:00+00:00", model=replace(made.model, hash="other", name="newer"))
    earlier = replace(made, made="2026-01-02T00:00:00+00:00", data=replace(made.data, key="earlier", name="whites"))
    for result in (replace(made, made="2026-01-03T00:00:00+00:00"), other, earlier):
        store.save_result(result)
    found = latest(made.model.hash)
    assert found is not None
    assert asdict(found) == {
        **{"model": made.model.name, "data": "greys", "split": "test", "n": 70, "accuracy": 0.9, "synthetic": False},
        "undivided": False,
        "made": "2026-01-03T00:00:00+00:00",
    }


def test_all_can_be_deleted(tmp_path: Path) -> None:
    made = assessed(tmp_path)
    store.save_result(made)
    assert store.disk_bytes() > 70 * 48 * 48
    store.delete_all()
    assert store.disk_bytes() == 0
    assert latest(made.model.hash) is None


def test_a_running_job_keeps_its_folder_and_ended_ones_do_not(tmp_path: Path) -> None:
    made = assessed(tmp_path)
    store.save_result(made)
    running, ended = (Job.of([name], "choice") for name in ("one", "other"))
    for job, state in ((running, RUNNING), (ended, DONE)):
        job.folder.mkdir(parents=True)
        progress = Progress(state, **stamp_of(psutil.Process()))
        write_json(job.folder / PROGRESS_FILE, asdict(progress))
    store.delete_all()
    assert running.progress() is not None
    assert not ended.folder.exists()
    assert latest(made.model.hash) is None and store.known_faces("choice") is None
