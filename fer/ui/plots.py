"""Plotly charts that are changed in place: no flicker, and a zoom stays when new points come.

`st.plotly_chart` (1.67) makes a new chart of every new figure, whatever its key and `uirevision`: it loses its zoom and
blinks. This is the same Plotly, from the wheel of plotly.py, in a small component whose identity is its key alone.
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import plotly
import plotly.graph_objects as go
import streamlit as st
from streamlit.components.v1 import declare_component

from fer.ui.closing import CLOSING

_FRONTEND: Final = Path(__file__).with_name("plots_frontend")
_PLOTLY_JS: Final = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


@dataclass(frozen=True)
class Chart:
    """A chart of a group: its name (an HTML id), the figure with a fixed `uirevision`, and the same in words."""

    name: str
    figure: go.Figure
    alt: str


def live_charts(charts: Sequence[Chart], *, key: str) -> None:
    """Draw charts side by side, as many in a row as there is room for, and change them in place from then on.

    Args:
        charts: the group; their number and order may change.
        key: the group's identity, which keeps the charts where they are.
    """
    _component()(
        charts=[{"name": chart.name, "figure": chart.figure.to_json(), "alt": chart.alt} for chart in charts],
        key=key,
        default=None,
    )


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return declare_component("live_charts", path=str(_served_folder()))


def _served_folder() -> Path:
    """A folder with the page, its script and Plotly: Streamlit serves one folder, and follows no links out of it."""
    folder = Path(tempfile.mkdtemp(prefix="fer-live-charts-"))
    CLOSING.callback(shutil.rmtree, folder, ignore_errors=True)
    for file in (*sorted(_FRONTEND.iterdir()), _PLOTLY_JS):
        try:
            os.link(file, folder / file.name)
        except OSError:
            shutil.copyfile(file, folder / file.name)
    return folder
