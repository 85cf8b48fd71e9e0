"""The script that takes the docs' pictures."""

from fer.paths import CHECKOUT
from fer.ui.frame import MENU
from scripts.screenshots import PAGES


def test_every_page_of_the_menu_has_a_picture_that_the_docs_show() -> None:
    assert set(PAGES) == {entry.label.lower() for entry in MENU}
    docs = "".join(file.read_text(encoding="utf-8") for file in (CHECKOUT / "docs").glob("*.md"))
    for name in PAGES:
        assert (CHECKOUT / "docs" / "images" / f"{name}.webp").is_file()
        assert f"](images/{name}.webp)" in docs, name
