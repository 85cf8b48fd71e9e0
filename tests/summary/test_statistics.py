import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2_contingency, kruskal, mannwhitneyu

from fer.emotions import EMOTIONS
from fer.results import Face, ImageAnalysis
from fer.summary.comparison import compare
from fer.summary.statistics import Share, Summary, summarize


def face(emotion: str, confidence: float = 0.8) -> Face:
    probabilities = np.full(7, (1 - confidence) / 6)
    probabilities[EMOTIONS.index(emotion)] = confidence
    return Face((0, 0, 40, 40), probabilities, confidence_threshold=0.5)


def photo(file: str, *faces: Face) -> ImageAnalysis:
    return ImageAnalysis(file, 100, 100, faces)


def study(**counts: dict[str, int]) -> Summary:
    """A summary of groups with one face per photo, by group and expression."""
    analyses, groups = [], {}
    for group, expressions in counts.items():
        for emotion, count in expressions.items():
            for number in range(count):
                file = f"{group}/{emotion}{number}.jpg"
                # Different confidences, so that few ranks are tied.
                analyses.append(photo(file, face(emotion, 0.6 + 0.3 * number / count)))
                groups[file] = group
    return summarize(analyses, groups)


def test_the_interval_of_a_share_is_wilsons() -> None:
    # Newcombe (1998), table I: 81 of 263 and 15 of 148.
    for count, of, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)):
        share = Share.part(count, of)
        assert (share.low, share.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
    assert (Share.part(0, 10).low, Share.part(10, 10).high) == (0, 1)
    assert math.isnan(Share.part(0, 0).share)


def test_counts_of_photos_faces_and_expressions() -> None:
    summary = summarize(
        [
            photo("a.jpg", face("happy"), face("happy", 0.9), face("sad", 0.4)),
            photo("b.jpg", face("fear")),
            photo("wall.jpg"),
            ImageAnalysis.failed("bad.jpg", "It is damaged."),
        ]
    )
    total = summary.total
    assert (total.n_photos, total.n_without_face, total.n_faces, summary.n_failed) == (3, 1, 4, 1)
    assert (total.not_sure.count, total.not_sure.of, total.n_sure) == (1, 4, 3)
    assert total.expressions["happy"].share == pytest.approx(2 / 3) and total.expressions["happy"].of == 3
    assert total.expressions["sad"].count == 0, "a face that is not sure counts as no expression"
    assert sum(one.share for one in total.expressions.values()) == pytest.approx(1)
    happy = np.array([0.8, 0.9, 0.1, 0.2 / 6])
    assert total.probabilities["happy"].mean == pytest.approx(happy.mean(), abs=1e-6)
    assert total.probabilities["happy"].sd == pytest.approx(happy.std(ddof=1), abs=1e-6)
    valence = np.array([0.8 - 0.2 / 6, 0.9 - 0.1 / 6, 0.1 - 0.4, 0.2 / 6 - 0.8])
    assert total.valence.mean == pytest.approx(valence.mean(), abs=1e-6)
    assert summary.groups == () and summary.comparison is None


def test_reasons_count_the_faces_that_are_not_sure() -> None:
    def small(confidence: float, pixels: int) -> Face:
        return replace(face("happy", confidence), doubts=(f"the face is only {pixels} pixels wide",))

    blurred = replace(face("sad", 0.4), flaws=("the face is blurred",))
    sure = replace(face("sad", 0.9), flaws=("the face is blurred",))
    total = summarize([photo("a.jpg", small(0.9, 12), small(0.4, 15)), photo("b.jpg", blurred, sure)]).total
    assert total.not_sure.count == 3
    assert dict(total.unsure_reasons) == {
        "confidence below the threshold": 2,
        "the face is too small": 2,
        "the face is blurred": 1,
    }


def test_nothing_at_all_has_a_summary() -> None:
    for analyses in ([], [photo("wall.jpg")], [ImageAnalysis.failed("a", "x")]):
        total = summarize(analyses).total
        assert total.n_faces == 0 and math.isnan(total.valence.mean) and math.isnan(total.not_sure.share)


def test_groups_add_up_and_photos_without_one_come_last() -> None:
    analyses = [photo("a.jpg", face("happy")), photo("b.jpg"), photo("c.jpg", face("sad"), face("sad"))]
    summary = summarize(analyses, {"a.jpg": "z", "b.jpg": "Q"})
    assert [group.name for group in summary.groups] == ["Q", "z", "no group"]
    assert [(group.n_photos, group.n_faces) for group in summary.groups] == [(1, 0), (1, 1), (1, 2)]
    assert summary.comparison is None, "photos without a group are no group to compare"


def test_two_groups_are_compared_by_chi_squared_and_by_ranks() -> None:
    summary = study(calm={"happy": 30, "neutral": 20}, loud={"happy": 10, "neutral": 40})
    comparison = summary.comparison
    assert comparison is not None and comparison.groups == ("calm", "loud")
    expected = chi2_contingency([[30, 20], [10, 40]], correction=False)
    test = comparison.expressions
    assert test is not None and test.p == pytest.approx(expected.pvalue) and "permutations" not in test.name
    assert test.effect == pytest.approx(math.sqrt(expected.statistic / 100))
    assert test.text == (
        "Pearson's chi-squared test of the expressions: χ²(1, n = 100) = 16.67, p < 0.001, Cramér's V = 0.41"
    )
    valence = {name: part["valence"].to_numpy() for name, part in summary.faces.groupby("group")}
    by_ranks = mannwhitneyu(valence["calm"], valence["loud"])
    assert comparison.valence is not None and comparison.valence.p == pytest.approx(by_ranks.pvalue)
    pairs = np.sign(valence["calm"][:, None] - valence["loud"][None])
    assert comparison.valence.effect == pytest.approx(pairs.mean()) and comparison.valence.effect > 0.3


def test_small_counts_are_compared_by_permutation_always_alike() -> None:
    found = [study(a={"happy": 5, "sad": 1}, b={"happy": 1, "sad": 5}).comparison for _ in range(2)]
    tests = [one.expressions for one in found if one and one.expressions]
    assert "(9,999 permutations)" in tests[0].name and tests[0] == tests[1]
    # Fisher's exact test of this table says 0.0801; the permutations of chi squared are the same tables.
    assert tests[0].p == pytest.approx(0.0801, abs=0.01)


def test_three_groups_are_compared_by_kruskal_and_wallis() -> None:
    summary = study(a={"happy": 20}, b={"happy": 12, "sad": 8}, c={"sad": 20})
    comparison = summary.comparison
    assert comparison is not None and comparison.valence is not None
    parts = [part["valence"].to_numpy() for _, part in summary.faces.groupby("group")]
    expected = kruskal(*parts)
    assert comparison.valence.p == pytest.approx(expected.pvalue)
    assert comparison.valence.effect == pytest.approx(expected.statistic / 59)


def test_no_difference_is_no_effect() -> None:
    comparison = study(a={"happy": 20, "sad": 20}, b={"happy": 20, "sad": 20}).comparison
    assert comparison is not None and comparison.expressions is not None and comparison.valence is not None
    assert comparison.expressions.p == pytest.approx(1) and comparison.expressions.effect == pytest.approx(0)
    assert abs(comparison.valence.effect) < 1e-9


def test_groups_with_too_few_faces_are_left_out() -> None:
    assert study(a={"happy": 1}, b={"happy": 9}).comparison is None
    comparison = study(a={"happy": 1}, b={"happy": 9}, c={"happy": 9}).comparison
    assert comparison is not None and comparison.groups == ("b", "c")
    assert comparison.expressions is None, "one expression in all groups can't be compared"


def test_equal_faces_have_no_test() -> None:
    analyses = [photo(f"{number}.jpg", face("happy")) for number in range(8)]
    faces = summarize(analyses, {f"{number}.jpg": "ab"[number % 2] for number in range(8)}).faces
    comparison = compare(faces)
    assert comparison is not None and comparison.valence is None and comparison.expressions is None
