"""Draw the charts of one or two models next to each other."""

from collections.abc import Iterator
from typing import Any, Final

import plotly.graph_objects as go
import streamlit as st

from fer.evaluation.evaluation_result import EvaluationResult
from fer.ui.evaluation.work import Evaluation

_CONFIG: Final[dict[str, Any]] = {"displayModeBar": False}


def side_by_side(evaluation: Evaluation, least: int = 1) -> Iterator[tuple[Any, EvaluationResult, str]]:
    """Yield a column for each model. With `least` of 2, a single model is yielded twice."""
    shown = list(zip(evaluation.results, evaluation.names, strict=True))
    if len(shown) < least:
        shown *= least
    for column, (one, name) in zip(st.columns(len(shown), gap="medium"), shown, strict=True):
        yield column, one, name


def plot(figure: go.Figure, key: str, words: str) -> None:
    """Draw a chart; `words` say what it shows to those who don't see it."""
    st.plotly_chart(figure, config=_CONFIG, key=f"evaluation_{key}", alt=words)
