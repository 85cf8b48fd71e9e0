"""The group of charts that is updated in place: what is sent and served."""

import json

import plotly
from streamlit.testing.v1 import AppTest

from fer.ui import plots


def page() -> None:
    import plotly.graph_objects as go

    from fer.ui.plots import Chart, live_charts

    figure = go.Figure({"data": [{"type": "scatter", "y": [1, 2]}], "layout": {"uirevision": "run"}})
    live_charts([Chart("loss", figure, "in words"), Chart("other", figure, "more")], key="the group")


def test_figures_are_sent_with_their_descriptions_and_key():
    app = AppTest.from_function(page).run()
    assert not app.exception
    (sent,) = app.get("component_instance")
    charts = json.loads(sent.proto.json_args)["charts"]
    assert [(chart["name"], chart["alt"]) for chart in charts] == [("loss", "in words"), ("other", "more")]
    assert json.loads(charts[0]["figure"])["layout"]["uirevision"] == "run"
    # The same key is the same element, whatever it shows.
    assert sent.proto.id == app.run().get("component_instance")[0].proto.id
    assert "the group" in sent.proto.id


def test_the_served_folder_is_complete_and_has_the_version_of_plotly_py():
    folder = plots.served_folder(plots._FRONTEND)
    names = {file.name for file in folder.iterdir()}
    assert names == {"index.html", "main.js", "plots_theme.js", "plotly.min.js"}
    for name in names - {"index.html"}:
        assert f'src="{name}"' in (folder / "index.html").read_text()
    assert not any(file.is_symlink() for file in folder.iterdir())
    with (folder / "plotly.min.js").open(encoding="utf-8") as script:
        assert "plotly.js v" in script.read(200)
    assert plotly.__version__.split(".")[0] >= "6"
