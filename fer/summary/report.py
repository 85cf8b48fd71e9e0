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
    svgs = {title.format(unit=content.unit): charts.as_svg(draw(content), about) for title, _, draw in charts.CHARTS}
    made_by = about.to_dict() | about.columns()
    if about.accuracy:
        made_by["accuracy"] = f"{about.accuracy.value:.4f} on {about.accuracy.where}"
    return _TEMPLATES.get_template("summary.html").render(
        content=content,
        # As pictures: markup of a library that shows untrusted names stays out of the page.
        pictures=[(title, base64.b64encode(svg).decode()) for title, svg in svgs.items()],
        most_groups=charts.MOST_GROUPS,
        about=made_by,
    )
