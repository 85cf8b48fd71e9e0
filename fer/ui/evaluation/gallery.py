"""Show a gallery of mistakes with class activation maps."""

from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from fer.emotions import EMOTIONS
from fer.evaluation.comparison import compare
from fer.evaluation.gallery import Card, Rows, cards, mistakes, of_kind
from fer.text import counted
from fer.ui.bars import show_probabilities
from fer.ui.evaluation.results import classifiers
from fer.ui.evaluation.work import Evaluation
from fer.ui.paging import page_of

_ANY: Final = "any"
_DISAGREE: Final = -1
_COLUMNS: Final = 3
_A_PAGE: Final = 6
_WHOSE, _TRUE, _PREDICTED = "evaluation_whose", "evaluation_true", "evaluation_predicted"
# A face and its map fit next to each other in a third of the page.
_PICTURE_PX: Final = 104


def turn_to(place: int, true: int, predicted: int) -> None:
    """Show one cell of the confusion matrix of the model at `place` (0 or 1)."""
    st.session_state[_WHOSE] = place
    st.session_state[_TRUE] = EMOTIONS[true]
    st.session_state[_PREDICTED] = EMOTIONS[predicted]


@dataclass(frozen=True)
class _Filter:
    """The faces to show.

    Attributes:
        whose: index of the model whose predictions count, or `_DISAGREE`.
        true, predicted: indices into `EMOTIONS`; None means any.
    """

    whose: int
    true: int | None
    predicted: int | None


def gallery(evaluation: Evaluation) -> None:
    """Show the most confident mistakes, or the faces of a chosen kind, with probabilities and maps."""
    st.subheader("Gallery of mistakes", anchor=False)
    chosen = _choose(evaluation)
    rows = _rows(evaluation, chosen)
    if not len(rows):
        st.info("No faces match. Choose other classes, or 'any'.", icon=":material/search_off:")
        return
    key = f"evaluation_page_{evaluation.key}_{chosen.whose}_{chosen.true}_{chosen.predicted}"
    shown = rows[page_of(len(rows), _A_PAGE, key)]
    loaded = classifiers(evaluation)
    places = list(range(len(evaluation.results))) if chosen.whose == _DISAGREE else [chosen.whose]
    made = cards(
        evaluation.evaluation_set,
        [evaluation.results[place] for place in places],
        [loaded[place] for place in places] if loaded else [],
        shown,
    )
    st.caption(
        f"{counted(len(rows), 'face')}, most confident first. "
        + (
            "Bright areas made the model choose the predicted class."
            if loaded
            else "There are no maps, because a model's files were deleted."
        )
    )
    labels = evaluation.names
    for start in range(0, len(made), _COLUMNS):
        row = zip(st.columns(_COLUMNS), made[start : start + _COLUMNS], strict=False)
        for column, card in row:
            with column, st.container(border=True, height="stretch"):
                _show(card, [labels[place] for place in places])


def _choose(evaluation: Evaluation) -> _Filter:
    labels = dict(enumerate(evaluation.names))
    if len(labels) > 1:
        labels[_DISAGREE] = "both, where they differ"
    _fall_back(_WHOSE, list(labels), 0)
    whose, true, predicted = st.columns([2, 1, 1]) if len(labels) > 1 else (None, *st.columns(2))
    who: int = 0
    if whose is not None:
        with whose:
            who = st.selectbox("Predictions of", list(labels), format_func=labels.__getitem__, key=_WHOSE)
    options = [_ANY, *EMOTIONS]
    with true:
        one = st.selectbox("True class", options, key=_TRUE)
    with predicted:
        other = st.selectbox("Predicted class", options, key=_PREDICTED, disabled=who == _DISAGREE)
    return _Filter(who, _index(one), None if who == _DISAGREE else _index(other))


def _fall_back(key: str, options: list[Any], default: Any) -> None:
    """Reset a choice that no longer exists, such as the second of two models."""
    if st.session_state.get(key, default) not in options:
        st.session_state[key] = default


def _index(name: str) -> int | None:
    return None if name == _ANY else EMOTIONS.index(name)


def _rows(evaluation: Evaluation, chosen: _Filter) -> Rows:
    if chosen.whose == _DISAGREE:
        first, second = evaluation.results
        rows = compare(first.predictions, second.predictions).disagree
        labels = evaluation.evaluation_set.faces.labels
        return rows if chosen.true is None else rows[labels[rows] == chosen.true]
    predictions = evaluation.results[chosen.whose].predictions
    if chosen.true is not None and chosen.predicted is not None:
        return of_kind(predictions, chosen.true, chosen.predicted)
    rows = mistakes(predictions)
    if chosen.true is not None:
        rows = rows[predictions.labels[rows] == chosen.true]
    if chosen.predicted is not None:
        rows = rows[predictions.predicted[rows] == chosen.predicted]
    return rows


def _show(card: Card, labels: list[str]) -> None:
    pictures = [card.face, *card.maps]
    alts = ["The face", *(f"The face with its class activation map: {caption}" for caption in card.captions)]
    with st.container(horizontal=True, gap="small"):
        for picture, alt in zip(pictures, alts, strict=False):
            # The container sets the width. With a width of its own, the picture would be scaled down and blur on
            # high-density screens.
            with st.container(width=_PICTURE_PX):
                st.image(picture, width="stretch", alt=alt)
    for place, (caption, probabilities) in enumerate(zip(card.captions, card.probabilities, strict=True)):
        st.markdown(f"**{caption}**" if len(labels) == 1 else f"{labels[place]}: **{caption}**")
        if card.candidates[place]:
            st.caption(f"Candidates: {card.candidates[place]}")
        show_probabilities(probabilities)
    st.caption(card.origin)
