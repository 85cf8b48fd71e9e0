"""Test whether groups of faces differ, with the size of the effect."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from fer.emotions import NOT_SURE

CAUTION: Final = (
    "These tests take every face as independent of the others. If the same person is in several photos, p is too "
    "small: use one photo per person, or average each person's values and test those."
)
# Cochran (1954): the chi-squared distribution is used if at most a fifth of the expected counts are below 5, and none
# below 1.
_FEW, _FEW_SHARE, _FEWEST = 5.0, 0.2, 1.0
_RESAMPLES: Final = 9_999
_LEAST: Final = 2


@dataclass(frozen=True)
class StatisticalTest:
    """The result of a test.

    Attributes:
        name: of the test.
        statistic: its symbol and value, such as 'χ²(6) = 12.3'.
        p: the p value, 0..1.
        effect_name: the measure of the effect's size.
        effect: its value.
    """

    name: str
    statistic: str
    p: float
    effect_name: str
    effect: float

    @property
    def p_in_words(self) -> str:
        """Return 'p = 0.034', or 'p < 0.001'."""
        return "p < 0.001" if self.p < 0.001 else f"p = {self.p:.3f}"

    @property
    def text(self) -> str:
        """Return the result as a paper states it."""
        return f"{self.name}: {self.statistic}, {self.p_in_words}, {self.effect_name} = {self.effect:.2f}"


@dataclass(frozen=True)
class Comparison:
    """What tests say about two or more groups; None where there are too few faces for a test.

    Attributes:
        groups: the names of those that were compared.
        expressions: whether sure faces show the expressions in other shares.
        valence: whether the valence of all faces differs.
    """

    groups: tuple[str, ...]
    expressions: StatisticalTest | None
    valence: StatisticalTest | None


def compare(faces: pd.DataFrame) -> Comparison | None:
    """Compare groups of faces; those with fewer than two faces are left out.

    Args:
        faces: one row per face, with the columns 'group', 'label' and 'valence'.

    Returns:
        None if there are fewer than two groups.
    """
    names = comparable(faces)
    if len(names) < 2:
        return None
    compared = faces[faces["group"].isin(names)]
    return Comparison(names, _expressions(compared), by_ranks(compared, "valence", names, "valence"))


def comparable(table: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the groups with two or more rows, in order."""
    sizes = table["group"].value_counts()
    return tuple(sorted(str(name) for name, size in sizes.items() if size >= _LEAST))


def _expressions(faces: pd.DataFrame) -> StatisticalTest | None:
    """Compare the shares of the expressions: Pearson's chi-squared test, by permutation where counts are small."""
    from scipy.stats import PermutationMethod, chi2_contingency
    from scipy.stats.contingency import association

    sure = faces[faces["label"] != NOT_SURE]
    counts = pd.crosstab(sure["group"], sure["label"]).to_numpy()
    if min(counts.shape, default=0) < 2:
        return None
    found = chi2_contingency(counts, correction=False)
    expected = np.asarray(found.expected_freq)
    p, name = float(found.pvalue), "Pearson's chi-squared test of the expressions"
    if (expected < _FEW).mean() > _FEW_SHARE or expected.min() < _FEWEST:
        method = PermutationMethod(n_resamples=_RESAMPLES, rng=np.random.default_rng(0))
        p = float(chi2_contingency(counts, correction=False, method=method).pvalue)
        name += f" ({_RESAMPLES:,} permutations)"
    statistic = f"χ²({found.dof}, n = {counts.sum():,}) = {found.statistic:.2f}"
    return StatisticalTest(name, statistic, p, "Cramér's V", float(association(counts, method="cramer")))


def by_ranks(table: pd.DataFrame, column: str, names: Sequence[str], what: str) -> StatisticalTest | None:
    """Compare a column between groups by ranks, because it is bounded and often has two peaks.

    Args:
        table: one row per unit, with the column 'group'.
        column: what is compared.
        names: of two or more groups, each with a row.
        what: the column for people.

    Returns:
        None if all values are equal.
    """
    from scipy.stats import kruskal, mannwhitneyu

    samples = [table.loc[table["group"] == name, column].to_numpy(np.float64) for name in names]
    n = sum(map(len, samples))
    if np.ptp(np.concatenate(samples)) == 0:
        return None
    if len(samples) == 2:
        first, second = samples
        ranked = mannwhitneyu(first, second, alternative="two-sided")
        u = float(ranked.statistic)
        # Wendt (1972): the share of pairs in which the first group has more, less the share of the others.
        effect = 2 * u / (len(first) * len(second)) - 1
        name = f"Mann-Whitney test of the {what}, {names[0]} against {names[1]}"
        statistic = f"U = {u:,.1f}, n = {n:,}"
        return StatisticalTest(name, statistic, float(ranked.pvalue), "rank-biserial correlation", effect)
    found = kruskal(*samples)
    h = float(found.statistic)
    name, statistic = f"Kruskal-Wallis test of the {what}", f"H({len(samples) - 1}, n = {n:,}) = {h:.2f}"
    # Tomczak and Tomczak (2014): epsilon squared, 0..1.
    return StatisticalTest(name, statistic, float(found.pvalue), "ε²", h / (n - 1))
