"""Draw Plotly charts that update in place, without flicker and without losing their zoom.

`st.plotly_chart` (1.67) creates a new chart for every new figure, whatever its key and `uirevision`. This component
uses the same Plotly, from the wheel of plotly.py, and is identified by its key alone.
"""

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

from fer.storage.files import link_or_copy
from fer.ui.closing import CLOSING

_FRONTEND: Final = Path(__file__).with_name("plots_frontend")
_THEME_JS: Final = Path(__file__).with_name("plots_theme.js")
_PLOTLY_JS: Final = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


@dataclass(frozen=True)
class Chart:
    """A chart in a group: its name (an HTML id), a figure with a constant `uirevision`, and a description in words."""

    name: str
    figure: go.Figure
    alt: str


def live_charts(charts: Sequence[Chart], *, key: str) -> None:
    """Draw charts next to each other, as many in a row as fit. Later calls with the same key update them in place.

    Args:
        charts: the charts. Their number and order may change between calls.
        key: identifies the group.
    """
    _component()(
        charts=[{"name": chart.name, "figure": chart.figure.to_json(), "alt": chart.alt} for chart in charts],
        key=key,
        default=None,
    )


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return declare_component("live_charts", path=str(served_folder(_FRONTEND)))


def served_folder(frontend: Path) -> Path:
    """Create a folder with a component's page and scripts, and Plotly in the colours of the theme.

    Streamlit serves one folder and follows no symlinks.
    """
    folder = Path(tempfile.mkdtemp(prefix="fer-charts-"))
    CLOSING.callback(shutil.rmtree, folder, ignore_errors=True)
    for file in (*sorted(frontend.iterdir()), _THEME_JS, _PLOTLY_JS):
        link_or_copy(file, folder / file.name)
    return folder
