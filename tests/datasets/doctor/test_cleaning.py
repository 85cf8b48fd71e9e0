import csv
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer.datasets.doctor.checkup import SURE_KINDS, examine
from fer.datasets.doctor.cleaning import clean_copy, cleaned_reading
from fer.datasets.doctor.crowd import EMOTION_COLUMNS
from fer.datasets.faces import FaceDataset
from fer.datasets.readings import Reading
from fer.datasets.store import catalog
from fer.datasets.store.corrections import Correction, correct
from fer.datasets.store.importing import store
from fer.errors import DatasetError
from tests.support.forms import plus, snapshot, synthetic_faces, unanimous


@pytest.fixture
def reading() -> Reading:
    """42 faces; then a copy (42), the same with another label twice (43 of 9; 44 of 10), two blanks (45, 46)."""
    dataset = synthetic_faces()
    dataset = plus(dataset, dataset.images[3], int(dataset.labels[3]))
    dataset = plus(dataset, dataset.images[9], (int(dataset.labels[9]) + 1) % 7)
    dataset = plus(dataset, dataset.images[10], (int(dataset.labels[10]) + 1) % 7)
    for label in (2, 5):
        dataset = plus(dataset, np.full((48, 48), 77), label, 1)
    return Reading(dataset, tuple(f"line {index + 2}" for index in range(len(dataset))), form="CSV")


def test_a_cleaned_copy_is_a_new_dataset_with_a_line_per_image_left_out(reading: Reading, fer_home: Path) -> None:
    store(reading, "mine", "fer2013.csv")
    before = snapshot(fer_home)
    mine = catalog.open_dataset("mine")
    info = clean_copy(mine, examine(mine.dataset), "mine-cleaned")
    assert (info.n_images, info.n_rejected, info.form, info.source) == (47 - 7, 7, "cleaned copy", "mine")
    cleaned = catalog.open_dataset("mine-cleaned")
    gone = {42, 9, 43, 10, 44, 45, 46}
    kept = np.array([index for index in range(47) if index not in gone])
    np.testing.assert_array_equal(cleaned.dataset.images, reading.dataset.images[kept])
    np.testing.assert_array_equal(cleaned.dataset.labels, reading.dataset.labels[kept])
    assert cleaned.origins == tuple(reading.origins[index] for index in kept)
    with (catalog.dataset_folder("mine-cleaned") / "rejected.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["where"] for row in rows} == {f"line {index + 2}" for index in gone}
    reasons = {row["where"]: row["reason"] for row in rows}
    assert reasons["line 44"] == "Exact duplicates" and reasons["line 47"] == "Blank images"
    assert sum(int(change.rsplit(" ", 1)[1].rstrip(".")) for change in info.changes) == 7
    # The original dataset is unchanged.
    assert {name: data for name, data in snapshot(fer_home).items() if "cleaned" not in name} == before


def test_only_chosen_kinds_are_left_out(reading: Reading) -> None:
    checkup = examine(reading.dataset)
    cleaned, changes = cleaned_reading(reading, checkup, ["blank"])
    assert len(cleaned.dataset) == 45 and changes == ("Left out, blank images: 2.",)
    assert [item.reason for item in cleaned.rejected] == ["Blank images"] * 2
    unchanged, changes = cleaned_reading(reading, checkup, [])
    assert unchanged.dataset.fingerprint == reading.dataset.fingerprint and changes == ()


def test_a_correction_overrides_a_finding_about_labels(reading: Reading) -> None:
    dataset = reading.dataset
    confirmed = correct(dataset, 9, int(dataset.labels[9]))
    relabelled = correct(dataset, 20, (int(dataset.labels[20]) + 2) % 7)
    discarded = correct(dataset, 21, None)
    cleaned, changes = cleaned_reading(
        reading, examine(dataset), ["exact_contradicting", "blank"], [confirmed, relabelled, discarded]
    )
    kept = cleaned.origins
    assert reading.origins[9] in kept and reading.origins[43] not in kept
    assert reading.origins[21] not in kept
    assert cleaned.dataset.labels[kept.index(reading.origins[20])] == relabelled.now
    reasons = {item.where: item.reason for item in cleaned.rejected}
    assert reasons[reading.origins[21]] == "discarded by hand"
    assert reasons[reading.origins[10]] == "Exact duplicates with contradicting labels"
    assert "Corrected by hand: 1." in changes and "Left out, discarded by hand: 1." in changes


def test_votes_stay_with_their_faces(reading: Reading) -> None:
    votes = unanimous(reading.dataset)
    votes[:, 8] = np.arange(47)
    with_votes = replace(reading, dataset=replace(reading.dataset, votes=votes))
    cleaned, _ = cleaned_reading(with_votes, examine(reading.dataset), ["exact_duplicates"])
    assert cleaned.dataset.votes is not None
    np.testing.assert_array_equal(cleaned.dataset.votes[:, 8], np.delete(np.arange(47), 42))


def test_a_copy_that_lacks_a_class_is_refused(fer_home: Path) -> None:
    dataset = synthetic_faces(14, 0, 0)
    images = dataset.images.copy()
    images[dataset.labels == 5] = 0
    store(Reading(replace(dataset, images=images), ("x",) * 14), "mine", "x")
    mine = catalog.open_dataset("mine")
    with pytest.raises(DatasetError, match="would leave no image of surprise"):
        clean_copy(mine, examine(mine.dataset), "new")
    assert [info.name for info in catalog.list_datasets()] == ["mine"]


def test_an_unknown_kind_and_a_taken_name_are_refused(reading: Reading, fer_home: Path) -> None:
    store(reading, "mine", "x")
    checkup = examine(reading.dataset)
    with pytest.raises(DatasetError, match="no finding 'ugly'"):
        clean_copy(reading, checkup, "new", ["ugly"])
    with pytest.raises(DatasetError, match="already"):
        clean_copy(reading, checkup, "mine")


def cleaned(dataset: FaceDataset, kinds: Collection[str], *made: Correction) -> tuple[Reading, tuple[str, ...]]:
    reading = Reading(dataset, tuple(map(str, range(len(dataset)))))
    return cleaned_reading(reading, examine(dataset), kinds, made)


@pytest.mark.parametrize("kinds", [SURE_KINDS, ["exact_duplicates"], ["exact_duplicates", "exact_contradicting"]])
@pytest.mark.parametrize("corrected", [3, 42])
def test_of_two_copies_the_corrected_one_stays(kinds: Collection[str], corrected: int) -> None:
    dataset = synthetic_faces()
    dataset = plus(dataset, dataset.images[3], int(dataset.labels[3]))
    now = (int(dataset.labels[3]) + 1) % 7
    copy, changes = cleaned(dataset, kinds, correct(dataset, corrected, now))
    assert [item.where for item in copy.rejected] == [str({3: 42, 42: 3}[corrected])]
    assert copy.dataset.labels[copy.origins.index(str(corrected))] == now
    assert "Corrected by hand: 1." in changes


def test_of_copies_in_two_splits_the_evaluated_one_stays() -> None:
    dataset = synthetic_faces()
    dataset = plus(dataset, dataset.images[3], int(dataset.labels[3]), 2)
    copy, _ = cleaned(dataset, ["exact_across_splits"], correct(dataset, 3, int(dataset.labels[3])))
    assert [item.where for item in copy.rejected] == ["42"]


def test_a_correction_of_a_removed_image_is_not_counted() -> None:
    dataset = synthetic_faces()
    dataset = plus(dataset, dataset.images[3], int(dataset.labels[3]))
    now = (int(dataset.labels[3]) + 1) % 7
    copy, changes = cleaned(dataset, SURE_KINDS, correct(dataset, 3, now), correct(dataset, 42, now))
    assert [item.where for item in copy.rejected] == ["42"]
    assert changes == ("Left out, exact duplicates: 1.", "Corrected by hand: 1.")


def test_discarding_an_image_keeps_its_copy() -> None:
    dataset = synthetic_faces()
    dataset = plus(dataset, dataset.images[3], int(dataset.labels[3]), 2)
    for discarded, twin in ((3, "42"), (42, "3")):
        copy, changes = cleaned(dataset, SURE_KINDS, correct(dataset, discarded, None))
        assert [(item.where, item.reason) for item in copy.rejected] == [(str(discarded), "discarded by hand")]
        assert twin in copy.origins and changes == ("Left out, discarded by hand: 1.",)


def test_two_labels_confirmed_by_a_person_both_stay() -> None:
    dataset = synthetic_faces()
    dataset = plus(dataset, dataset.images[3], (int(dataset.labels[3]) + 1) % 7)
    made = [correct(dataset, index, int(dataset.labels[index])) for index in (3, 42)]
    copy, _ = cleaned(dataset, SURE_KINDS, *made)
    assert copy.rejected == ()


def test_kinds_are_computed_jointly_so_that_no_image_is_lost() -> None:
    """Two copies in validation contradict and go; the near copy in train is alone then, and stays."""
    face = cv2.GaussianBlur(synthetic_faces(1, 0, 0, seed=50).images[0], (3, 3), 0)
    dataset = plus(synthetic_faces(), face, 2, 1)
    dataset = plus(dataset, face, 4, 1)
    dataset = plus(dataset, np.clip(face * 0.8 + 25, 0, 255), 2, 0)
    copy, changes = cleaned(dataset, SURE_KINDS)
    assert [item.where for item in copy.rejected] == ["42", "43"]
    assert changes == ("Left out, exact duplicates with contradicting labels: 2.",)


def test_near_constant_images_are_left_out_although_they_are_not_near_copies() -> None:
    flat = np.full((48, 48), 90)
    flat[:3, :3] = 99
    copy, changes = cleaned(plus(synthetic_faces(), flat, 5), ["near_constant"])
    assert [item.where for item in copy.rejected] == ["42"] and changes == ("Left out, near-constant images: 1.",)


def test_the_crowd_does_not_overrule_a_person() -> None:
    dataset = synthetic_faces()
    votes = unanimous(dataset)
    for index in (5, 6):
        votes[index] = 0
        votes[index, EMOTION_COLUMNS[(dataset.labels[index] + 1) % 7]] = 10
    confirmed = correct(dataset, 5, int(dataset.labels[5]))
    copy, _ = cleaned(replace(dataset, votes=votes), ["crowd_rejected"], confirmed)
    assert [item.where for item in copy.rejected] == ["6"]


@pytest.mark.parametrize("now", [None, 3])
@pytest.mark.parametrize("index", [4, 99, -1])
def test_corrections_of_another_dataset_change_nothing(now: int | None, index: int) -> None:
    """A discard reaches no other image either."""
    dataset = synthetic_faces()
    foreign = replace(correct(synthetic_faces(seed=9), 4, now), index=index)
    with pytest.raises(DatasetError, match="don't belong to these images"):
        cleaned(dataset, SURE_KINDS, foreign)
