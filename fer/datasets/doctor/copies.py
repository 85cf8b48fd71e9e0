"""Decide which copies of one image a cleaned copy leaves out."""

from collections.abc import Collection
from typing import Final

import numpy as np

from fer.arrays import Indices
from fer.datasets.faces import FaceDataset

DUPLICATES, ACROSS, CONTRADICTING = "duplicates", "across_splits", "contradicting"
# In this order: the label is settled first, then the split, then how many.
STEPS: Final = (CONTRADICTING, ACROSS, DUPLICATES)


def left_out(
    group: Indices, dataset: FaceDataset, steps: Collection[str], reviewed: Collection[int] = ()
) -> dict[int, str]:
    """Return the copies of one image to leave out, each with the step that removes it.

    Args:
        group: (M,) indices of the copies.
        dataset: with a person's corrections already applied to its labels.
        steps: of `DUPLICATES`, `ACROSS` and `CONTRADICTING`, the problems to fix.
        reviewed: images whose label a person corrected or confirmed. They stay, and the other copies go.

    Returns:
        The step that removes each image. A step sees what the steps before it left.
    """
    reasons: dict[int, str] = {}
    left = [int(index) for index in group]
    for step in STEPS:
        if step not in steps or len(left) < 2:
            continue
        kept = _kept(step, left, dataset, reviewed)
        reasons.update(dict.fromkeys(set(left) - set(kept), step))
        left = kept
    return reasons


def _kept(step: str, left: list[int], dataset: FaceDataset, reviewed: Collection[int]) -> list[int]:
    trusted = [index for index in left if index in reviewed]
    if step == ACROSS:
        # SPLITS go from train to test, and the copy in the last of them is kept.
        best = dataset.splits[trusted or left].max()
        return [index for index in left if dataset.splits[index] == best]
    contradicting = _differ(left, dataset)
    # Copies with two labels aren't plain duplicates, unless a person has said which label is right.
    if (step == CONTRADICTING and not contradicting) or (step == DUPLICATES and contradicting and not trusted):
        return left
    if _differ(trusted, dataset):
        return trusted  # a person labelled them differently on purpose
    return _one(trusted or left, dataset)


def _differ(indices: list[int], dataset: FaceDataset) -> bool:
    return len(np.unique(dataset.labels[indices])) > 1


def _one(candidates: list[int], dataset: FaceDataset) -> list[int]:
    """Return the first copy with the majority label, in the last split; none if no label has a majority."""
    counts = np.bincount(dataset.labels[candidates])
    if counts.max() * 2 <= len(candidates):
        return []
    agreed = [index for index in candidates if dataset.labels[index] == counts.argmax()]
    return [max(agreed, key=lambda index: (dataset.splits[index], -index))]
