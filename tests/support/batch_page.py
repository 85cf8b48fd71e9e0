"""Read and press what AppTest shows of the Batch page."""

from streamlit.testing.v1 import AppTest

from tests.support.markdown import plain as plain_text

BATCH = "pages/3_Batch.py"


def words(page: AppTest) -> str:
    elements = [*page.markdown, *page.caption, *page.info, *page.warning, *page.error, *page.subheader]
    return "\n".join(plain_text(element.value) for element in elements)


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label.startswith(label)).click().run()


def links(page: AppTest) -> dict[str, str]:
    return {link.proto.label: link.proto.url for link in page.get("link_button")}


def choose(page: AppTest, *names: str) -> AppTest:
    return page.multiselect[0].set_value(list(names)).run()
