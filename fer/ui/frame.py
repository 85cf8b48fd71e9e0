"""Draw what every page has: its title, the menu, and errors as sentences instead of tracebacks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Final

import streamlit as st
from PIL import Image, ImageDraw

from fer.errors import FerError
from fer.paths import PROGRAM
from fer.recognition.current import set_aside_model
from fer.text import literal
from fer.ui.access import gate
from fer.ui.access.settings import Role
from fer.ui.draining import DRAIN
from fer.ui.messages import show_error

PRODUCT: Final = "Facial expression recognition"
# The theme's accent colour, which is visible on light and dark tabs.
_ICON_COLOR: Final = "#4f46e5"


@dataclass(frozen=True)
class MenuEntry:
    """A page in the menu.

    Attributes:
        path: the script, relative to `app.py`, as `st.page_link` expects it.
        label: the name in the menu.
        icon: a Material icon, ':material/name:'.
        role: who may open it, if people have to log in.
    """

    path: str
    label: str
    icon: str
    role: Role = Role.TRAINER

    @property
    def exists(self) -> bool:
        """Return whether the page exists."""
        return (PROGRAM / self.path).is_file()


MENU: Final = (
    MenuEntry("app.py", "Home", ":material/home:", Role.VIEWER),
    MenuEntry("pages/1_Live.py", "Live", ":material/videocam:", Role.VIEWER),
    MenuEntry("pages/2_Upload.py", "Upload", ":material/add_photo_alternate:", Role.VIEWER),
    MenuEntry("pages/2_Video.py", "Video", ":material/movie:", Role.VIEWER),
    MenuEntry("pages/3_Training.py", "Training", ":material/model_training:"),
    MenuEntry("pages/3_Batch.py", "Batch", ":material/stacks:"),
    MenuEntry("pages/4_Evaluation.py", "Evaluation", ":material/query_stats:"),
    MenuEntry("pages/5_Data.py", "Data", ":material/dataset:"),
)


def menu_entry(label: str) -> MenuEntry:
    """Return the menu entry with a label.

    Raises:
        KeyError: there is no such entry.
    """
    for entry in MENU:
        if entry.label == label:
            return entry
    raise KeyError(label)


@cache
def _tab_icon() -> Image.Image:
    """Draw a smile for the browser's tab. A Material icon would be fetched from an external server."""
    icon = Image.new("RGBA", (64, 64))
    draw = ImageDraw.Draw(icon)
    draw.ellipse((4, 4, 60, 60), outline=_ICON_COLOR, width=6)
    for left in (20, 38):
        draw.ellipse((left, 22, left + 7, 29), fill=_ICON_COLOR)
    draw.arc((18, 20, 46, 48), 20, 160, fill=_ICON_COLOR, width=6)
    return icon


def page_frame(title: str, icon: str, lead: str | None = None) -> None:
    """Start a page with its settings, the menu and the title. Every page calls this first.

    Where people have to log in, nothing else of a page is drawn before they have, nor without the role it needs.

    Args:
        title: the name of the page, in sentence case.
        icon: the Material icon from the menu, ':material/name:'.
        lead: one sentence below the title that says what the page is for.
    """
    tab = PRODUCT if title == PRODUCT else f"{title} · {PRODUCT}"
    st.set_page_config(page_title=tab, page_icon=_tab_icon(), layout="wide")
    who = gate.enter(_role_for("Home" if title == PRODUCT else title))
    with st.sidebar:
        st.markdown(f"**{PRODUCT}**")
        for entry in MENU:
            if entry.exists and entry.role <= who.role:
                st.page_link(entry.path, label=entry.label, icon=entry.icon, width="stretch")
        st.caption(
            "Pictures are analysed on the machine that runs this program. Those of Live and Upload are not stored. "
            "Results of videos and batches, imported datasets and evaluated faces are stored until you delete them on "
            "their pages."
        )
        gate.show_person(who)
    if DRAIN.leaving:
        st.info(
            "This server is being replaced. Finish what you are doing, then reload the page.",
            icon=":material/moving:",
        )
    st.title(title, icon=icon, anchor=False)
    if lead:
        st.markdown(lead)
    _say_what_was_set_aside()


def _role_for(label: str) -> Role:
    return next((entry.role for entry in MENU if entry.label == label), Role.ADMIN)


def may_open(label: str) -> bool:
    """Return whether this session's person may open a page of the menu."""
    who = gate.person()
    return who is not None and who.role >= _role_for(label)


def _say_what_was_set_aside() -> None:
    if name := set_aside_model():
        st.warning(
            f"The model '{literal(name)}' took too long for a few faces and was taken out of use. The shipped model is "
            "used instead. To choose another one, go to Training.",
            icon=":material/timer_off:",
        )


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Show a `FerError` as a message on the page. Any other exception is a bug and is raised."""
    try:
        yield
    except FerError as error:
        show_error(error)
