"""Render a summary as one HTML file that opens offline."""

import base64
from typing import Final

from fer.provenance import Provenance
from fer.summary import charts, wording
from fer.summary.comparison import CAUTION
from fer.summary.statistics import Summary
from fer.templating import templates_of

_TEMPLATES: Final = templates_of("fer.summary")


def html_report(summary: Summary, about: Provenance) -> str:
    """Render a summary with its table, charts, tests and methods paragraph."""
    header, rows = wording.table(summary)
    figures = {title: draw(summary) for title, _, draw in charts.FIGURES}
    return _TEMPLATES.get_template("summary.html").render(
        header=header,
        rows=rows,
        notes=[wording.SHARES, wording.VALENCE],
        # As pictures: markup of a library that shows untrusted names stays out of the page.
        pictures=[(title, base64.b64encode(charts.as_svg(figure)).decode()) for title, figure in figures.items()],
        left_out=len(summary.groups) > charts.MOST_GROUPS,
        most_groups=charts.MOST_GROUPS,
        grouped=bool(summary.groups),
        tests=wording.tests(summary),
        caution=CAUTION,
        methods=wording.methods(summary, about),
        about=about.to_dict(),
    )
