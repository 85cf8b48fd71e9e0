"""Links of the repository become links of the site, and texts outside docs/ become pages."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

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


def test_all_pages_and_pictures_are_gathered(tmp_path: Path) -> None:
    (tmp_path / "a-page-that-was-renamed.md").touch()
    docs_pages.gather(tmp_path)
    written = {path.name for path in (CHECKOUT / "docs").glob("*.md")}
    assert {path.name for path in tmp_path.glob("*.md")} == written | set(docs_pages.OUTSIDE.values())
    assert (tmp_path / "model-card.md").read_text("utf-8").startswith("# Model card")
    assert "](get-data.md)" in (tmp_path / "index.md").read_text("utf-8")
    assert (tmp_path / "images" / "home.webp").read_bytes() == (CHECKOUT / "docs/images/home.webp").read_bytes()


def test_what_is_unchanged_is_not_written_again(tmp_path: Path) -> None:
    """Otherwise the site would be built without end while it is shown."""
    docs_pages.gather(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    docs_pages.gather(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_the_menu_lists_every_page() -> None:
    menu = tomllib.loads((CHECKOUT / "zensical.toml").read_text("utf-8"))["project"]["nav"]

    def pages(entry: Any) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        return [page for value in (entry.values() if isinstance(entry, dict) else entry) for page in pages(value)]

    written = {path.name for path in (CHECKOUT / "docs").glob("*.md")}
    assert set(pages(menu)) == written | set(docs_pages.OUTSIDE.values())
