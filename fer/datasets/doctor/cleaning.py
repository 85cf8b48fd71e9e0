"""Make a cleaned copy: a new dataset without what the doctor found, with a line for each image left out."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from fer.datasets.doctor.checkup import KINDS, SURE_KINDS, Checkup
from fer.datasets.doctor.copies import DUPLICATES, STEPS, left_out
from fer.datasets.readings import Progress, Reading, Rejection, missing_classes, silent
from fer.datasets.store import catalog
from fer.datasets.store.corrections import Correction, not_applied, relabelled, reviewed_images
from fer.datasets.store.importing import store
from fer.datasets.store.storage import CLEANED_COPY, DatasetInfo
from fer.errors import DatasetError

_DISCARDED: Final = "discarded by hand"
# Exact copies are removed before near ones are considered.
_COPIES: Final = ("exact", "near")
_TITLES: Final = {kind.key: kind.title for kind in KINDS}
_COPY_KINDS: Final = frozenset(f"{prefix}_{step}" for prefix in _COPIES for step in STEPS)


def clean_copy(
    reading: Reading,
    checkup: Checkup,
    name: str,
    kinds: Collection[str] = SURE_KINDS,
    corrections: Sequence[Correction] = (),
    progress: Progress = silent,
    *,
    apply: bool = True,
) -> DatasetInfo:
    """Store a copy of a dataset without the images that the chosen findings leave out.

    Args:
        reading: the examined dataset; it isn't changed.
        checkup: what the doctor found in it.
        name: of the new dataset.
        kinds: keys of `KINDS`.
        corrections: all there are. They are applied first. Of several copies, the one a person corrected or confirmed
            stays, and the crowd's votes don't overrule a person.
        progress: called as the work proceeds; an exception it raises cancels, and nothing is changed.
        apply: False doesn't apply the corrections, and says so in the copy's changes.

    Raises:
        DatasetError: a kind is unknown, a class would have no image left, or the name is taken.
    """
    catalog.check_new_name(name)
    cleaned, changes = cleaned_reading(reading, checkup, kinds, corrections if apply else ())
    if not apply and corrections:
        changes = (*changes, not_applied(corrections))
    gone = set(missing_classes(cleaned.dataset)) - set(missing_classes(reading.dataset))
    if gone:
        raise DatasetError(f"Cleaning would leave no image of {', '.join(sorted(gone))}; leave out fewer findings.")
    return store(cleaned, name, reading.dataset.name, changes, progress)


def cleaned_reading(
    reading: Reading, checkup: Checkup, kinds: Collection[str], corrections: Sequence[Correction] = ()
) -> tuple[Reading, tuple[str, ...]]:
    """Return the cleaned copy, with every image left out among its rejections, and the changes in sentences.

    Raises:
        DatasetError: a kind is unknown, or the corrections belong to another dataset.
    """
    unknown = sorted(set(kinds) - {kind.key for kind in KINDS})
    if unknown:
        raise DatasetError(f"There is no finding '{unknown[0]}'; choose from: {', '.join(k.key for k in KINDS)}.")
    reviewed = reviewed_images(reading.dataset, corrections)
    corrected = replace(reading, dataset=relabelled(reading.dataset, reviewed))
    reasons = _reasons(corrected, checkup, kinds, reviewed)
    kept = np.setdiff1d(np.arange(len(reading.dataset)), np.fromiter(reasons, np.int64, len(reasons)))
    cleaned = replace(
        corrected.take(kept),
        rejected=tuple(Rejection(reading.origins[index], reasons[index]) for index in sorted(reasons)),
        form=CLEANED_COPY,
    )
    n_of = Counter(reasons.values())
    changes = [
        f"Left out, {why[0].lower()}{why[1:]}: {n_of[why]:,}."
        for why in (_DISCARDED, *(kind.title for kind in KINDS))
        if n_of[why]
    ]
    n_corrected = sum(item.now not in (None, item.was) for index, item in reviewed.items() if index not in reasons)
    return cleaned, (*changes, *([f"Corrected by hand: {n_corrected:,}."] if n_corrected else []))


def _reasons(
    reading: Reading, checkup: Checkup, kinds: Collection[str], reviewed: Mapping[int, Correction]
) -> dict[int, str]:
    """Return why each image is left out: first images that are wrong on their own, then surplus copies.

    In another order, a copy could be left out because of one that is left out too, and the image would be lost.
    """
    reasons = {index: _DISCARDED for index, item in reviewed.items() if item.now is None}
    for finding in checkup.findings:
        if finding.kind.key in set(kinds) - _COPY_KINDS:
            spared = reviewed if finding.kind.key == "crowd_rejected" else ()
            new = [index for index in finding.drop.tolist() if index not in reasons and index not in spared]
            reasons.update(dict.fromkeys(new, finding.kind.title))
    for prefix in _COPIES:
        titles = {step: _TITLES[f"{prefix}_{step}"] for step in STEPS if f"{prefix}_{step}" in kinds}
        every = checkup.finding(f"{prefix}_{DUPLICATES}")
        for group in every.members() if every else ():
            left = np.array([index for index in group.tolist() if index not in reasons], np.int64)
            gone = left_out(left, reading.dataset, titles, reviewed)
            reasons.update({index: titles[step] for index, step in gone.items()})
    return reasons
