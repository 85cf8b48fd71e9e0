"""Links of the repository become links of the site, and texts outside docs/ become pages."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from mkdocs.config import load_config
from mkdocs.structure.files import Files

from fer.paths import CHECKOUT
from scripts import docs_pages


@pytest.mark.parametrize(
    ("source", "link", "expected"),
    [
        ("docs/index.md", "photos.md", "photos.md"),
        ("docs/index.md", "../data/README.md", "get-data.md"),
        ("docs/index.md", "../CONTRIBUTING.md#tests", "contributing.md#tests"),
        ("data/README.md", "../docs/data.md", "data.md"),
        ("CONTRIBUTING.md", "docs/architecture.md#decisions", "architecture.md#decisions"),
        ("CHANGELOG.md", "model/README.md", "model-card.md"),
        ("docs/index.md", "images/home.webp", "images/home.webp"),
        ("docs/index.md", "https://example.org/a", "https://example.org/a"),
        ("docs/index.md", "#anchor", "#anchor"),
    ],
)
def test_a_link_points_to_the_sites_page(source: str, link: str, expected: str) -> None:
    assert docs_pages.site_links(f"see [there]({link}).", source) == f"see [there]({expected})."


def test_texts_outside_docs_become_pages() -> None:
    config = load_config(str(CHECKOUT / "mkdocs.yml"))
    config.plugins._current_plugin = "scripts/docs_pages.py"  # MkDocs sets it while it calls a hook
    files = docs_pages.on_files(Files([]), config)
    assert {file.src_uri for file in files} == set(docs_pages.OUTSIDE.values())
    card = files.get_file_from_path("model-card.md")
    assert card is not None and card.content_string.startswith("# Model card")


def test_the_menu_lists_every_page() -> None:
    class Loader(yaml.SafeLoader):
        """Read MkDocs' own tags as text."""

    Loader.add_multi_constructor("tag:yaml.org,2002:python/name:", lambda *_: "")
    menu = yaml.load((CHECKOUT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)["nav"]

    def pages(entry: Any) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        return [page for value in (entry.values() if isinstance(entry, dict) else entry) for page in pages(value)]

    written = {path.name for path in Path(CHECKOUT / "docs").glob("*.md")}
    assert set(pages(menu)) == written | set(docs_pages.OUTSIDE.values())
