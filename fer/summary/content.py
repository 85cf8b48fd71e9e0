"""What a summary says, of photos or of videos: the one form from which pages and reports are made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd


class Part(Protocol):
    """A share 0..1 and the ends of its 95 % interval; NaN where there is none."""

    @property
    def share(self) -> float:
        """Return the share."""

    @property
    def low(self) -> float:
        """Return the lower end."""

    @property
    def high(self) -> float:
        """Return the upper end."""


@dataclass(frozen=True, eq=False)
class ChartedGroup:
    """What charts show of one group, or of everything.

    Attributes:
        name: of the group.
        n: how many units it has.
        parts: a share for each of `fer.results.LABELS`.
        probabilities: one row per unit, and a column for each of `EMOTIONS`.
    """

    name: str
    n: int
    parts: Sequence[Part]
    probabilities: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Content:
    """What a summary says.

    Attributes:
        unit: what the statistics take as independent: 'faces' or 'videos'.
        share_of: what shares are parts of: 'faces' or 'time'.
        numbers: the main numbers by name.
        header, rows: the table, a column for everything and one for each group.
        notes: sentences below the table.
        charted: the groups for charts; everything as one if there is no grouping.
        n_groups: how many groups there are; 0 if there is no grouping.
        tests: the results of the tests between groups, as a paper states them.
        caution: when the tests mislead.
        methods: the paragraph for the methods section.
    """

    unit: str
    share_of: str
    numbers: tuple[tuple[str, int], ...]
    header: list[str]
    rows: list[list[str]]
    notes: tuple[str, ...]
    charted: tuple[ChartedGroup, ...]
    n_groups: int
    tests: tuple[str, ...]
    caution: str
    methods: str
