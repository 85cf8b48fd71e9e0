"""The templates of reports: HTML files that open offline, in which every value is escaped."""

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def templates_of(package: str) -> Environment:
    """Return the templates of a package, which may extend and import those of `fer`."""
    return Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("fer")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
