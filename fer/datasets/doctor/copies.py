"""Which copies of one picture a cleaned copy of a set leaves out."""

from collections.abc import Collection
from typing import Final

import numpy as np

from fer.arrays import Indices
from fer.datasets.faces import FaceDataset

DUPLICATES, ACROSS, CONTRADICTING = "duplicates", "across_splits", "contradicting"
# In this order: the label is settled first, then the split, then how many.
STEPS: Final = (CONTRADICTING, ACROSS, DUPLICATES)


def left_out(
    group: Indices, dataset: FaceDataset, steps: Collection[str], judged: Collection[int] = ()
) -> dict[int, str]:
    """What to leave out of the copies of one picture.

    Args:
        group: (M,) the copies.
        dataset: with the labels that count, a person's corrections being among them.
        steps: of `DUPLICATES`, `ACROSS` and `CONTRADICTING`, what is to be mended.
        judged: images whose label a person corrected or confirmed: where there are any, they stay and others go.

    Returns:
        By image, the step that takes it out; a step sees what those before it left.
    """
    reasons: dict[int, str] = {}
    left = [int(index) for index in group]
    for step in STEPS:
        if step not in steps or len(left) < 2:
            continue
        kept = _kept(step, left, dataset, judged)
        reasons.update(dict.fromkeys(set(left) - set(kept), step))
        left = kept
    return reasons


def _kept(step: str, left: list[int], dataset: FaceDataset, judged: Collection[int]) -> list[int]:
    trusted = [index for index in left if index in judged]
    if step == ACROSS:
        # SPLITS ascend from train to test: what measures last is kept.
        best = dataset.splits[trusted or left].max()
        return [index for index in left if dataset.splits[index] == best]
    contradicting = _differ(left, dataset)
    # Copies with two labels are no mere duplicates, unless a person has said which label is right.
    if (step == CONTRADICTING and not contradicting) or (step == DUPLICATES and contradicting and not trusted):
        return left
    if _differ(trusted, dataset):
        return trusted  # a person has said that they are not alike
    return _one(trusted or left, dataset)


def _differ(indices: list[int], dataset: FaceDataset) -> bool:
    return len(np.unique(dataset.labels[indices])) > 1


def _one(candidates: list[int], dataset: FaceDataset) -> list[int]:
    """The first, in the split that measures most, of those whose label most of them agree on; none if they do not."""
    counts = np.bincount(dataset.labels[candidates])
    if counts.max() * 2 <= len(candidates):
        return []
    agreed = [index for index in candidates if dataset.labels[index] == counts.argmax()]
    return [max(agreed, key=lambda index: (dataset.splits[index], -index))]
