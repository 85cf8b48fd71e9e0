"""Render a summary as one HTML file that opens offline."""

import base64
from typing import Final

from fer.provenance import Provenance
from fer.summary import charts
from fer.summary.content import Content
from fer.templating import templates_of

_TEMPLATES: Final = templates_of("fer.summary")


def html_report(content: Content, about: Provenance) -> str:
    """Render a summary with its table, charts, tests and methods paragraph."""
    figures = {title.format(unit=content.unit): draw(content) for title, _, draw in charts.FIGURES}
    return _TEMPLATES.get_template("summary.html").render(
        content=content,
        # As pictures: markup of a library that shows untrusted names stays out of the page.
        pictures=[(title, base64.b64encode(charts.as_svg(figure)).decode()) for title, figure in figures.items()],
        most_groups=charts.MOST_GROUPS,
        about=about.to_dict(),
    )
