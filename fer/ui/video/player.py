"""Draw a video above its timeline: a click on a moment moves the player there, and a line follows the playback."""

from pathlib import Path
from typing import Any, Final

import plotly.graph_objects as go
import streamlit as st
from streamlit.components.v1 import declare_component

from fer.ui.plots import served_folder

_FRONTEND: Final = Path(__file__).with_name("player_frontend")


def player(
    address: str | None, figure: go.Figure, alt: str, *, name: str, moment: tuple[float, int] | None, key: str
) -> None:
    """Draw the player. Later calls with the same key change its timeline, while the video plays on.

    Args:
        address: of the video, relative to the page; None draws the timeline alone.
        figure: the timeline, whose x axis is in seconds of the video.
        alt: describes the timeline in words.
        name: describes the video in words.
        moment: where to go, in seconds, and a number that changes with each wish; None for none.
        key: identifies the player.
    """
    _component()(
        address=address,
        figure=figure.to_json(),
        alt=alt,
        name=name,
        moment=None if moment is None else {"seconds": moment[0], "wish": moment[1]},
        key=key,
        default=None,
    )


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return declare_component("video_player", path=str(served_folder(_FRONTEND)))
