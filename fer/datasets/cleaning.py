"""A cleaned copy: a new set without what the doctor found, with a line for everything that was left out."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from fer.datasets import catalog
from fer.datasets.corrections import Correction, apply_corrections, latest
from fer.datasets.doctor import KINDS, SURE_KINDS, Checkup
from fer.datasets.importing import store
from fer.datasets.readings import Progress, Reading, Rejection, silent
from fer.datasets.storage import SetInfo
from fer.errors import DatasetError

# About labels alone, where a person's word about an image counts for more.
_LABEL_KINDS: Final = frozenset({"exact_contradicting", "near_contradicting", "crowd_rejected"})


def clean_copy(
    reading: Reading,
    checkup: Checkup,
    name: str,
    kinds: Collection[str] = SURE_KINDS,
    corrections: Sequence[Correction] = (),
    progress: Progress = silent,
) -> SetInfo:
    """Store a copy of a set without the images that the findings of some kinds leave out.

    Args:
        reading: the set that was examined; it stays as it is.
        checkup: what the doctor found in it.
        name: of the new set.
        kinds: keys of `KINDS`.
        corrections: applied too; an image that a person corrected or confirmed is not left out for its label.
        progress: told how far it is; what it raises cancels, and nothing is changed.

    Raises:
        DatasetError: a kind is unknown, a class would have no image left, or the name is taken.
    """
    catalog.check_new_name(name)
    cleaned, changes = cleaned_reading(reading, checkup, kinds, corrections)
    return store(cleaned, name, reading.dataset.name, changes, progress)


def cleaned_reading(
    reading: Reading, checkup: Checkup, kinds: Collection[str], corrections: Sequence[Correction] = ()
) -> tuple[Reading, tuple[str, ...]]:
    """What a cleaned copy holds, everything left out being among its rejections, and the changes in sentences.

    Raises:
        DatasetError: a kind is unknown, or the corrections are not of this set.
    """
    unknown = sorted(set(kinds) - {kind.key for kind in KINDS})
    if unknown:
        raise DatasetError(f"There is no finding '{unknown[0]}'; choose among: {', '.join(k.key for k in KINDS)}.")
    judged = latest(corrections)
    reasons: dict[int, str] = {index: "discarded by hand" for index, item in judged.items() if item.now is None}
    changes = [_sentence(len(reasons), "discarded by hand")]
    for finding in checkup.findings:
        if finding.kind.key not in kinds:
            continue
        spared = set(judged) if finding.kind.key in _LABEL_KINDS else set()
        new = {int(index) for index in finding.drop} - set(reasons) - spared
        reasons.update(dict.fromkeys(new, finding.kind.title))
        changes.append(_sentence(len(new), finding.kind.title))
    n_relabelled = sum(item.now not in (None, item.was) for item in judged.values())
    if n_relabelled:
        changes.append(f"Corrected by hand: {n_relabelled:,}.")
    kept = np.setdiff1d(np.arange(len(reading.dataset)), np.fromiter(reasons, np.int64, len(reasons)))
    # A discarded image is taken out below, with the others.
    corrected = apply_corrections(reading.dataset, [item for item in corrections if judged[item.index].now is not None])
    cleaned = replace(
        reading,
        dataset=corrected.take(kept),
        origins=tuple(reading.origins[index] for index in kept),
        rejected=tuple(Rejection(reading.origins[index], reasons[index]) for index in sorted(reasons)),
        form="cleaned copy",
    )
    return cleaned, tuple(change for change in changes if change)


def _sentence(n_images: int, why: str) -> str:
    return f"Left out, {why[0].lower()}{why[1:]}: {n_images:,}." if n_images else ""
