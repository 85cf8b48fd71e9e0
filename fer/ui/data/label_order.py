"""Ask the user in which order a dataset numbers its classes, with sample faces under each proposed name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import streamlit as st

from fer.datasets.readers.names import CONTEMPT, UNCERTAIN, class_name
from fer.datasets.readers.orders import PRESETS, LabelOrder, LabelOrderError, Samples
from fer.datasets.readings import Progress
from fer.datasets.store.storage import DatasetInfo
from fer.datasets.viewing import enlarged
from fer.emotions import N_EMOTIONS

Importer = Callable[[Progress, LabelOrder | None], DatasetInfo]
_CUSTOM: Final = "custom"
_FACE_PX: Final = 34
# Six faces with the gaps between them; three numbers fit into a row of the page.
_NUMBER_PX: Final = 248
_CHOICE_PX: Final = 280


@dataclass(frozen=True, eq=False)
class Question:
    """An import that waits for the order of its classes.

    Attributes:
        samples: up to six faces (48, 48) uint8 of each number.
        importer: imports the dataset, given an order.
    """

    samples: Samples
    importer: Importer

    def answered(self, order: LabelOrder) -> Callable[[Progress], DatasetInfo]:
        """Return the import with an order."""
        return lambda progress: self.importer(progress, order)


def asking(importer: Importer) -> Callable[[Progress], DatasetInfo | Question]:
    """Return an import that ends in a question if its classes are numbers."""

    def work(progress: Progress) -> DatasetInfo | Question:
        try:
            return importer(progress, None)
        except LabelOrderError as error:
            return Question(error.samples, importer)

    return work


def ask(question: Question, on_answer: Callable[[LabelOrder], None], on_close: Callable[[], None]) -> None:
    """Draw the choice of an order, the faces under its names, and the button that confirms it.

    Args:
        question: what is asked.
        on_answer: called with the order that the user confirms.
        on_close: called when the user gives up.
    """
    with st.container(border=True):
        st.markdown("**:material/help: Which number is which class?**")
        st.caption("Datasets number their classes differently. Choose the order in which each name fits its faces.")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = st.selectbox(
                "Label order",
                [*PRESETS, _CUSTOM],
                index=None,
                placeholder="Choose an order",
                format_func=lambda key: PRESETS[key].title if key in PRESETS else "Custom",
                key="data_label_order",
                width=_CHOICE_PX,
            )
            confirm = st.empty()
            st.button("Close", icon=":material/close:", on_click=on_close)
        order = _faces_by_name(question, chosen)
        if order is not None:
            confirm.button(
                "Import with this order", type="primary", icon=":material/check:", on_click=on_answer, args=(order,)
            )


def _faces_by_name(question: Question, chosen: str | None) -> LabelOrder | None:
    """Draw the faces of each number under the name that the chosen order gives it, and return the order."""
    labels = PRESETS[chosen].labels if chosen in PRESETS else {}
    custom: dict[int, int | None] = {}
    # A row holds several numbers, so that all of them are seen at once.
    with st.container(horizontal=True, gap="small"):
        for number in sorted(question.samples):
            with st.container(width=_NUMBER_PX, gap="xsmall"):
                if chosen == _CUSTOM:
                    custom[number] = _choose_class(number)
                else:
                    st.markdown(f"**{number}: {_named(labels.get(number))}**" if chosen else f"**{number}**")
                _faces(question.samples[number], number)
    if chosen == _CUSTOM:
        named = {number: label for number, label in custom.items() if label is not None}
        return LabelOrder(_CUSTOM, "Custom", named) if len(named) == len(custom) else None
    return None if chosen is None else PRESETS[chosen]


def _choose_class(number: int) -> int | None:
    # None is chosen beforehand, so that an order that nobody looked at can't be confirmed.
    label: int | None = st.selectbox(
        str(number),
        [*range(N_EMOTIONS), CONTEMPT, UNCERTAIN],
        index=None,
        placeholder="Choose a class",
        format_func=_named,
        key=f"data_label_order_{number}",
    )
    return label


def _named(label: int | None) -> str:
    if label is None:
        return "not in this order; rejected"
    return f"{class_name(label)}, left out" if label >= N_EMOTIONS else class_name(label)


def _faces(images: list[npt.NDArray[np.uint8]], number: int) -> None:
    if images:
        with st.container(horizontal=True, gap="xsmall"):
            for image in images:
                st.image(enlarged(image), width=_FACE_PX, alt=f"Face of class {number}")
    else:
        st.caption("No readable face")
