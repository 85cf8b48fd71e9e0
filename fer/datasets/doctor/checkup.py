"""The doctor: find problems in a dataset, and the images that a cleaned copy would leave out."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from fer.arrays import Indices
from fer.datasets.doctor import crowd
from fer.datasets.doctor.copies import ACROSS, CONTRADICTING, DUPLICATES, left_out
from fer.datasets.doctor.duplicates import exact_groups, near_groups
from fer.datasets.doctor.quality import faceless_images, flat_images
from fer.datasets.faces import SPLITS, FaceDataset
from fer.datasets.readings import Progress, Reading, silent
from fer.emotions import EMOTIONS
from fer.text import spreadsheet_safe

Rows = list[dict[Hashable, Any]]

# Images of the most frequent class for each of the rarest, within a split.
MAX_CLASS_RATIO: Final = 5.0


@dataclass(frozen=True)
class Kind:
    """A kind of finding: its key, a title for people, and what it means."""

    key: str
    title: str
    meaning: str


KINDS: Final = (
    Kind("exact_duplicates", "Exact duplicates", "The same pixels more than once; a cleaned copy keeps one of them."),
    Kind(
        "exact_across_splits",
        "Exact duplicates across splits",
        "The model would be tested on images it was trained on; a cleaned copy keeps those of test or else validation.",
    ),
    Kind(
        "exact_contradicting",
        "Exact duplicates with contradicting labels",
        "The same pixels with two labels, so at least one is wrong; a cleaned copy keeps one with the majority label.",
    ),
    Kind(
        "near_duplicates",
        "Near duplicates",
        "The same photo, cropped or compressed differently; a cleaned copy keeps one.",
    ),
    Kind(
        "near_across_splits",
        "Near duplicates across splits",
        "The same photo in train and in validation or test; a cleaned copy keeps those of test, or else validation.",
    ),
    Kind(
        "near_contradicting",
        "Near duplicates with contradicting labels",
        "The same photo with two labels, so at least one is wrong; a cleaned copy keeps one with the majority label.",
    ),
    Kind("blank", "Blank images", "Every pixel has the same grey level."),
    Kind("near_constant", "Near-constant images", "Almost every pixel has the same grey level."),
    Kind("not_a_face", "No face", "Most of the crowd saw no face, or a detector finds no trace of one."),
    Kind(
        "crowd_rejected",
        "Labels the crowd rejects",
        "At most a tenth of the FER+ crowd chose the label, and more than half agree on another.",
    ),
    Kind("imbalance", "Imbalance", "Class weights in the training form compensate for it."),
)
# What a cleaned copy leaves out by default: what is certainly wrong, and what leaks between splits.
SURE_KINDS: Final = (
    *("exact_duplicates", "exact_across_splits", "exact_contradicting", "near_across_splits"),
    *("blank", "near_constant", "not_a_face"),
)
_COLUMNS: Final = ("finding", "group", "image", "origin", "split", "label", "note", "left_out")
_KIND_BY_KEY: Final = {kind.key: kind for kind in KINDS}


@dataclass(frozen=True, eq=False)
class Finding:
    """One kind of problem.

    Attributes:
        kind: the kind of problem.
        indices: (M,) int64, the affected images, group after group.
        groups: (M,) int64, the group of each image; copies of one image share a group.
        notes: (M,) a note on each image, or '' for all.
        drop: the images a cleaned copy leaves out for this finding alone, ascending.
        text: the finding in words, if it isn't about single images.
    """

    kind: Kind
    indices: Indices
    groups: Indices
    notes: tuple[str, ...]
    drop: Indices
    text: str = ""

    @property
    def n_images(self) -> int:
        """Return the number of affected images."""
        return len(self.indices)

    @property
    def n_groups(self) -> int:
        """Return the number of groups."""
        return len(np.unique(self.groups))

    def members(self) -> list[Indices]:
        """Return the images of each group, in the order of the groups."""
        starts = np.flatnonzero(np.diff(self.groups)) + 1
        return np.split(self.indices, starts) if len(self.indices) else []

    def to_frame(self, reading: Reading) -> pd.DataFrame:
        """Return a row per image: finding, group, image (its place from 0), origin, split, label, note."""
        dataset = reading.dataset
        return pd.DataFrame(
            {
                "finding": self.kind.key,
                "group": self.groups,
                "image": self.indices,
                "origin": [reading.origins[index] for index in self.indices],
                "split": [SPLITS[dataset.splits[index]] for index in self.indices],
                "label": [EMOTIONS[dataset.labels[index]] for index in self.indices],
                "note": list(self.notes),
                "left_out": np.isin(self.indices, self.drop),
            }
        )

    def to_csv(self, reading: Reading) -> str:
        """Return the finding as CSV that is safe in a spreadsheet: a row per image, and one for the text."""
        return _csv(_rows(self, reading))


@dataclass(frozen=True, eq=False)
class Checkup:
    """The result of an examination.

    Attributes:
        findings: one of each kind that occurs, in the order of `KINDS`.
        remarks: what couldn't be examined, a sentence each.
    """

    findings: tuple[Finding, ...]
    remarks: tuple[str, ...] = ()

    def finding(self, key: str) -> Finding | None:
        """Return the finding of a kind, or None."""
        return next((item for item in self.findings if item.kind.key == key), None)

    def to_csv(self, reading: Reading) -> str:
        """Return all findings as CSV that is safe in a spreadsheet: a row per image and finding, and one per text."""
        return _csv([row for item in self.findings for row in _rows(item, reading)])

    def to_dict(self, reading: Reading) -> dict[str, Any]:
        """Return a JSON object: the dataset, and the counts, text and images of each finding."""
        dataset = reading.dataset
        return {
            "data": dataset.name,
            "fingerprint": dataset.fingerprint,
            "n": len(dataset),
            "n_rejected": len(reading.rejected),
            "counts": {name: int((dataset.splits == SPLITS.index(name)).sum()) for name in dataset.split_names()},
            "findings": [
                {
                    "kind": item.kind.key,
                    "title": item.kind.title,
                    "text": item.text,
                    "n_images": item.n_images,
                    "n_groups": item.n_groups,
                    "n_left_out": len(item.drop),
                    "images": item.to_frame(reading).drop(columns="finding").to_dict("records"),
                }
                for item in self.findings
            ],
            "remarks": list(self.remarks),
        }


def examine(dataset: FaceDataset, progress: Progress = silent) -> Checkup:
    """Look for problems in a dataset.

    Flat images are reported as flat only, not as copies of each other.

    Args:
        dataset: any number of images; 32,298 take about half a minute.
        progress: called as the work proceeds; an exception it raises ends the examination.
    """
    progress(0.0, "Looking for blank images")
    images = dataset.images
    blank, near_constant = flat_images(images)
    rest = np.setdiff1d(np.arange(len(dataset)), np.concatenate([blank, near_constant]))
    exact = exact_groups(images, rest)
    near = near_groups(images, rest, _part(progress, 0.05, 0.4))
    faceless = faceless_images(images, rest, _part(progress, 0.4, 1.0))
    remarks = (
        ()
        if faceless is not None
        else ("The YuNet detector is missing, so images without a face were not searched for.",)
    )
    found = [
        *_duplicates("exact", exact, dataset),
        *_duplicates("near", near, dataset),
        _singles("blank", blank),
        _singles("near_constant", near_constant),
        *_people(dataset, rest, np.empty(0, np.int64) if faceless is None else faceless),
        _imbalance(dataset),
    ]
    progress(1.0, "Done")
    return Checkup(tuple(item for item in found if item.n_images or item.text), remarks)


def _rows(finding: Finding, reading: Reading) -> Rows:
    in_words: Rows = [{"finding": finding.kind.key, "note": finding.text}] if finding.text else []
    return [*finding.to_frame(reading).to_dict("records"), *in_words]


def _csv(rows: Rows) -> str:
    safe = [{key: spreadsheet_safe(value) if key == "origin" else value for key, value in row.items()} for row in rows]
    # As objects, or a row without an image would turn the numbers of the others into decimals.
    return pd.DataFrame(safe, columns=list(_COLUMNS), dtype=object).to_csv(index=False, lineterminator="\n")


def _part(progress: Progress, start: float, end: float) -> Progress:
    return lambda share, text: progress(start + (end - start) * share, text)


def _singles(key: str, indices: Indices, notes: Sequence[str] | None = None) -> Finding:
    texts = ("",) * len(indices) if notes is None else tuple(notes)
    return Finding(_KIND_BY_KEY[key], indices, np.arange(len(indices)), texts, indices)


def _people(dataset: FaceDataset, rest: Indices, faceless: Indices) -> list[Finding]:
    """Return the images without a face and the labels the crowd rejects."""
    votes = dataset.votes
    if votes is None:
        return [_singles("not_a_face", faceless, ["no trace of a face"] * len(faceless))]
    by_crowd = np.intersect1d(crowd.no_face(votes), rest)
    no_face = np.union1d(by_crowd, faceless)
    notes = [f"crowd: {crowd.describe_votes(votes[i])}" if i in by_crowd else "no trace of a face" for i in no_face]
    rejected = np.setdiff1d(np.intersect1d(crowd.rejected_labels(votes, dataset.labels), rest), no_face)
    answers = [f"crowd: {crowd.describe_votes(votes[index])}" for index in rejected]
    return [_singles("not_a_face", no_face, notes), _singles("crowd_rejected", rejected, answers)]


def _duplicates(prefix: str, groups: list[Indices], dataset: FaceDataset) -> list[Finding]:
    """Return three findings over groups of copies: all groups, those across splits, those with several labels."""
    labels, splits = dataset.labels, dataset.splits
    across = [group for group in groups if len(np.unique(splits[group])) > 1]
    contradicting = [group for group in groups if len(np.unique(labels[group])) > 1]
    concerned = ((DUPLICATES, groups), (ACROSS, across), (CONTRADICTING, contradicting))
    return [_grouped(prefix, step, groups, dataset) for step, groups in concerned]


def _grouped(prefix: str, step: str, groups: list[Indices], dataset: FaceDataset) -> Finding:
    empty = np.empty(0, np.int64)
    indices = np.concatenate(groups) if groups else empty
    numbers = np.repeat(np.arange(len(groups)), [len(group) for group in groups]) if groups else empty
    drop = sorted(index for group in groups for index in left_out(group, dataset, {step}))
    kind = _KIND_BY_KEY[f"{prefix}_{step}"]
    return Finding(kind, indices, numbers, ("",) * len(indices), np.array(drop, np.int64))


def _imbalance(dataset: FaceDataset) -> Finding:
    sentences = []
    for split, row in zip(SPLITS, dataset.counts(), strict=True):
        least, most = int(row.argmin()), int(row.argmax())
        if row[most] > MAX_CLASS_RATIO * row[least]:
            sentences.append(
                f"In {split}, {EMOTIONS[most]} has {row[most]:,} images and {EMOTIONS[least]} {row[least]:,}"
                + (f", {row[most] / row[least]:.1f} times as many." if row[least] else ".")
            )
    empty = np.empty(0, np.int64)
    return Finding(_KIND_BY_KEY["imbalance"], empty, empty, (), empty, " ".join(sentences))
