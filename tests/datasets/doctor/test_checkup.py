"""The doctor finds every planted problem, and nothing else."""

import csv
import io
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pandas as pd
import pytest

from fer.datasets.doctor.checkup import KINDS, examine
from fer.datasets.doctor.crowd import EMOTION_COLUMNS, no_face, rejected_labels
from fer.datasets.faces import VOTE_COLUMNS, FaceDataset
from fer.datasets.readings import Reading
from tests.support.forms import plus, synthetic_faces, unanimous

TRAIN, VALIDATION, TEST = 0, 1, 2


def brighter(image: np.ndarray) -> np.ndarray:
    return np.clip(image * 0.8 + 25, 0, 255).astype(np.uint8)


def smooth(seed: int) -> np.ndarray:
    return cv2.GaussianBlur(synthetic_faces(1, 0, 0, seed=seed).images[0], (3, 3), 0)


@dataclass
class Planted:
    """Synthetic faces with planted problems, by the key of the finding."""

    dataset: FaceDataset
    found: dict[str, set[int]]
    left_out: dict[str, set[int]]

    def add(self, image: np.ndarray, label: int, split: int) -> int:
        self.dataset = plus(self.dataset, image, label, split)
        return len(self.dataset) - 1


@pytest.fixture(scope="module")
def planted() -> Planted:
    base = synthetic_faces(70, 14, 14)
    here = Planted(base, {}, {})
    labels = base.labels
    within = [3, here.add(base.images[3], int(labels[3]), TRAIN)]
    across = [5, here.add(base.images[5], int(labels[5]), TEST)]
    contradicting = [8, here.add(base.images[8], (int(labels[8]) + 1) % 7, TRAIN)]
    outvoted = [
        9,
        here.add(base.images[9], int(labels[9]), TRAIN),
        here.add(base.images[9], (labels[9] + 2) % 7, TRAIN),
    ]
    near_within = [here.add(smooth(50), 2, TRAIN), here.add(brighter(smooth(50)), 2, TRAIN)]
    near_across = [here.add(smooth(51), 4, TRAIN), here.add(brighter(smooth(51)), 4, VALIDATION)]
    near_contradicting = [here.add(smooth(52), 1, TRAIN), here.add(brighter(smooth(52)), 6, TRAIN)]
    blank = [here.add(np.zeros((48, 48)), label, TRAIN) for label in (0, 3, 3)]
    nearly = np.full((48, 48), 90)
    nearly[:3, :3] = 99
    near_constant = [here.add(nearly, 5, VALIDATION)]
    noise = np.random.default_rng(1).integers(0, 256, (48, 48))
    not_a_face = [here.add(noise, 4, TRAIN)]
    here.found = {
        "exact_duplicates": {*within, *across, *contradicting, *outvoted},
        "exact_across_splits": set(across),
        "exact_contradicting": {*contradicting, *outvoted},
        "near_duplicates": {*near_within, *near_across, *near_contradicting},
        "near_across_splits": set(near_across),
        "near_contradicting": set(near_contradicting),
        "blank": set(blank),
        "near_constant": set(near_constant),
        "not_a_face": set(not_a_face),
    }
    here.left_out = {
        # Of copies in two splits the one that measures stays; of contradicting ones that which most agree on, or none.
        "exact_duplicates": {within[1], 5},
        "exact_across_splits": {5},
        "exact_contradicting": {*contradicting, *outvoted[1:]},
        "near_duplicates": {near_within[1], near_across[0]},
        "near_across_splits": {near_across[0]},
        "near_contradicting": set(near_contradicting),
        "blank": set(blank),
        "near_constant": set(near_constant),
        "not_a_face": set(not_a_face),
    }
    return here


def test_planted_problems_are_found_and_nothing_else(planted: Planted) -> None:
    checkup = examine(planted.dataset)
    assert {item.kind.key: set(item.indices.tolist()) for item in checkup.findings} == planted.found
    assert {item.kind.key: set(item.drop.tolist()) for item in checkup.findings} == planted.left_out
    assert checkup.remarks == ()


def test_copies_of_an_image_share_a_group(planted: Planted) -> None:
    finding = examine(planted.dataset).finding("exact_duplicates")
    assert finding is not None and finding.n_groups == 4 and finding.n_images == 9
    for group in range(4):
        members = planted.dataset.images[finding.indices[finding.groups == group]]
        assert len(members) >= 2 and (members == members[0]).all()


def test_clean_data_have_no_findings() -> None:
    checkup = examine(synthetic_faces(140, 28, 28))
    assert checkup.findings == () and checkup.remarks == ()
    empty = checkup.to_csv(Reading(synthetic_faces(1, 0, 0), ("line 2",)))
    assert empty == "finding,group,image,origin,split,label,note,left_out\n"


def test_only_labels_that_the_crowd_rejects_are_found() -> None:
    dataset = synthetic_faces(70, 0, 0)
    votes = unanimous(dataset)
    wrong = [4, 21, 66]
    for index in wrong:
        label = (dataset.labels[index] + 3) % 7
        votes[index] = 0
        votes[index, EMOTION_COLUMNS[label]] = 7
        votes[index, VOTE_COLUMNS.index("unknown")] = 3
    # A split crowd rejects nothing.
    votes[30] = 0
    votes[30, EMOTION_COLUMNS[dataset.labels[30]]] = 3
    votes[30, EMOTION_COLUMNS[(dataset.labels[30] + 1) % 7]] = 7
    votes[50] = [1] * 10
    no_faces = [12]
    votes[12] = 0
    votes[12, VOTE_COLUMNS.index("NF")] = 6
    votes[12, 0] = 4
    checkup = examine(replace(dataset, votes=votes))
    assert {item.kind.key: item.indices.tolist() for item in checkup.findings} == {
        "crowd_rejected": wrong,
        "not_a_face": no_faces,
    }
    finding = checkup.finding("not_a_face")
    assert finding is not None and finding.notes == ("crowd: no face 6, neutral 4",)


@pytest.mark.parametrize(
    ("own", "other", "rejected"),
    [(0, 6, True), (1, 6, True), (1, 5, False), (2, 8, False), (0, 10, True), (0, 0, False)],
)
def test_a_label_is_rejected_by_at_most_a_tenth_for_it_and_over_half_for_another(
    own: int, other: int, rejected: bool
) -> None:
    votes = np.zeros((1, 10), np.uint8)
    votes[0, VOTE_COLUMNS.index("happiness")] = own
    votes[0, VOTE_COLUMNS.index("contempt")] = other
    votes[0, VOTE_COLUMNS.index("unknown")] = 10 - own - other if own + other else 0
    assert rejected_labels(votes, np.array([3])).tolist() == ([0] if rejected else [])
    assert no_face(votes).tolist() == []


def test_imbalance_is_reported_by_split_with_numbers() -> None:
    dataset = synthetic_faces(70, 0, 0)
    kept = np.flatnonzero((dataset.labels != 1) | (np.cumsum(dataset.labels == 1) <= 1))
    checkup = examine(dataset.take(kept))
    (finding,) = checkup.findings
    assert finding.kind.key == "imbalance"
    assert finding.text == "In train, angry has 10 images and disgust 1, 10.0 times as many."
    # It has its own CSV like every other finding, and a row in the complete one.
    reading = Reading(dataset.take(kept), ("x",) * len(kept))
    for text in (finding.to_csv(reading), checkup.to_csv(reading)):
        (row,) = csv.DictReader(io.StringIO(text))
        assert (row["finding"], row["note"], row["image"]) == ("imbalance", finding.text, "")


def test_the_csv_and_the_json_name_every_image(planted: Planted) -> None:
    origins = tuple(f"=line {index}" for index in range(len(planted.dataset)))
    reading = Reading(planted.dataset, origins)
    checkup = examine(planted.dataset)
    frame = pd.read_csv(io.StringIO(checkup.to_csv(reading)))
    by_kind = {key: set(rows["image"]) for key, rows in frame.groupby("finding")}
    assert by_kind == planted.found
    assert frame["origin"].str.startswith("'=line").all()
    row = frame[(frame["finding"] == "exact_across_splits") & (frame["image"] == 5)].iloc[0]
    assert row["split"] == "train" and bool(row["left_out"])
    for finding in checkup.findings:
        own = pd.read_csv(io.StringIO(finding.to_csv(reading)))
        assert set(own["finding"]) == {finding.kind.key} and set(own["image"]) == planted.found[finding.kind.key]
        assert set(own["image"][own["left_out"]]) == planted.left_out[finding.kind.key]
        assert own["origin"].str.startswith("'=line").all()
    as_json = checkup.to_dict(reading)
    assert as_json["n"] == len(planted.dataset) and as_json["fingerprint"] == planted.dataset.fingerprint
    for item in as_json["findings"]:
        assert {image["image"] for image in item["images"]} == planted.found[item["kind"]]
        assert item["n_left_out"] == len(planted.left_out[item["kind"]])


def test_a_missing_detector_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer.datasets.doctor.checkup.faceless_images", lambda *_: None)
    checkup = examine(synthetic_faces(14, 0, 0))
    assert checkup.findings == () and "YuNet" in checkup.remarks[0]


def test_progress_ascends_to_the_end() -> None:
    seen: list[float] = []
    examine(synthetic_faces(20, 0, 0), lambda share, text: seen.append(share))
    assert seen == sorted(seen) and seen[0] == 0 and seen[-1] == 1


def test_every_kind_of_finding_has_a_title() -> None:
    assert len({kind.key for kind in KINDS}) == len(KINDS)
    assert all(kind.title and kind.meaning.endswith(".") for kind in KINDS)
