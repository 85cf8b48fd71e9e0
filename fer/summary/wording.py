"""Put the summary of photos into words and tables: for a page, a report and the methods section of a paper."""

import math
from collections.abc import Sequence
from typing import Final

from fer.emotions import EMOTIONS, NOT_SURE
from fer.provenance import PROGRAM, Provenance
from fer.results import ImageAnalysis
from fer.summary.comparison import CAUTION
from fer.summary.content import ChartedGroup, Content
from fer.summary.groups import Groups
from fer.summary.statistics import GroupSummary, Share, Spread, Summary, summarize
from fer.text import counted, percent

VALENCE: Final = (
    "Valence is defined as in FaceReader (Noldus): the probability of happy minus that of the strongest negative "
    "expression (angry, disgust, fear or sad), -1 to 1."
)
SHARES: Final = (
    "Shares of expressions are parts of the faces that the model is sure of; 'not sure' is a part of all faces, and "
    "such a face may have several reasons. In brackets: 95 % intervals (Wilson), which take every face as independent "
    "of the others."
)
VALENCE_METHOD: Final = (
    "Valence is the probability of happy minus that of the strongest of angry, disgust, fear and sad, as in FaceReader."
)
_DETECTORS: Final = {"yunet": "YuNet", "haar": "Viola-Jones (Haar cascade)"}


def photos_content(analyses: Sequence[ImageAnalysis], groups: Groups | None, about: Provenance) -> Content:
    """Return what the summary of photos says.

    Args:
        analyses: of the photos, failed ones included.
        groups: by file, the name of its group; None if there are no groups.
        about: what made the analyses.
    """
    return content_of(summarize(analyses, groups), about)


def content_of(summary: Summary, about: Provenance) -> Content:
    """Return what a summary of photos says."""
    total = summary.total
    header, rows = table(summary)
    return Content(
        unit="faces",
        share_of="faces",
        numbers=(
            ("Photos", total.n_photos),
            ("Without a face", total.n_without_face),
            ("Faces", total.n_faces),
            ("Not sure", total.not_sure.count),
        ),
        header=header,
        rows=rows,
        notes=(SHARES, VALENCE),
        charted=tuple(_charted(summary, group) for group in summary.groups or (total,)),
        n_groups=len(summary.groups),
        tests=tests(summary),
        caution=CAUTION,
        methods=methods(summary, about),
    )


def _charted(summary: Summary, group: GroupSummary) -> ChartedGroup:
    faces = summary.faces
    of_group = faces[faces["group"] == group.name] if summary.groups else faces
    parts = (*(group.expressions[name] for name in EMOTIONS), group.not_sure)
    return ChartedGroup(group.name, group.n_faces, parts, of_group[list(EMOTIONS)])


def share_text(share: Share) -> str:
    """Return '12 (40 %, 25 % to 58 %)', or '0' where there is nothing to share."""
    if math.isnan(share.share):
        return "0"
    share_pct, low, high = (percent(value, 0) for value in (share.share, share.low, share.high))
    return f"{share.count:,} ({share_pct}, {low} to {high})"


def spread_text(spread: Spread) -> str:
    """Return '0.40 (0.12)': mean and standard deviation; a dash where there is none."""
    mean, sd = ("–" if math.isnan(value) else f"{value:.2f}" for value in (spread.mean, spread.sd))
    return f"{mean} ({sd})"


def table(summary: Summary) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of the summary's table: a column for all photos and one for each group."""
    columns = [summary.total, *summary.groups]
    rows = [
        ["photos", *(f"{one.n_photos:,}" for one in columns)],
        ["photos without a face", *(f"{one.n_without_face:,}" for one in columns)],
        ["faces", *(f"{one.n_faces:,}" for one in columns)],
        [NOT_SURE, *(share_text(one.not_sure) for one in columns)],
        *(
            [f"{NOT_SURE}: {reason}", *(f"{one.unsure_reasons.get(reason, 0):,}" for one in columns)]
            for reason in summary.total.unsure_reasons
        ),
        *([name, *(share_text(one.expressions[name]) for one in columns)] for name in EMOTIONS),
        *([f"probability of {name}, mean (SD)", *_probabilities(columns, name)] for name in EMOTIONS),
        ["valence, mean (SD)", *(spread_text(one.valence) for one in columns)],
    ]
    return ["", *(one.name for one in columns)], rows


def _probabilities(columns: list[GroupSummary], name: str) -> list[str]:
    return [spread_text(one.probabilities[name]) for one in columns]


def methods(summary: Summary, about: Provenance) -> str:
    """Return a paragraph for the methods section of a paper."""
    total = summary.total
    failed = f" ({summary.n_failed:,} more could not be read)" if summary.n_failed else ""
    sentences = [
        *model_sentences(about),
        f"Faces with a confidence below {about.confidence_threshold:.2f}, and faces that were too small, cut off, "
        f"without contrast or turned away, count as 'not sure'.{_candidates(about)}",
        f"We analysed {counted(total.n_photos, 'photo')}{failed}; {total.n_without_face:,} had no detected face. Of "
        f"{counted(total.n_faces, 'face')}, {total.not_sure.count:,} were 'not sure'.",
        f"Shares are given with 95 % Wilson intervals. {VALENCE_METHOD}",
    ]
    if found := tests(summary):
        names = summary.comparison.groups if summary.comparison else ()
        sentences.append(f"Groups ({', '.join(names)}) were compared. {'; '.join(found)}.")
    return " ".join(sentences)


def tests(summary: Summary) -> tuple[str, ...]:
    """Return the results of the tests between groups as a paper states them; empty if there are too few faces."""
    comparison = summary.comparison
    found = (comparison.expressions, comparison.valence) if comparison else ()
    return tuple(test.text for test in found if test)


def model_sentences(about: Provenance) -> tuple[str, str]:
    """Return the sentences of a methods section that name the program, the model and the detector."""
    accuracy = (
        "its accuracy was not measured"
        if about.accuracy is None
        else f"accuracy {about.accuracy.value:.3f} on {about.accuracy.where}, single crops"
    )
    return (
        f"Facial expressions were classified with {PROGRAM} {about.version} on {about.date[:10]}.",
        f"Faces were detected with {_DETECTORS.get(about.detector, about.detector)}, cropped to a square of "
        f"{about.crop_scale or 1:g} times the detected box, reduced to 48 x 48 grey pixels, and classified as angry, "
        f"disgust, fear, happy, sad, surprise or neutral by the model '{about.model}' (hash {about.model_hash}; "
        f"{accuracy}).",
    )


def _candidates(about: Provenance) -> str:
    if not about.candidate_coverage:
        return ""
    return (
        " A set of expressions names what such a face may show (split conformal prediction, coverage "
        f"{about.candidate_coverage:.2f})."
    )
