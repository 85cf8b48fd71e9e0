"""Use the Data page in AppTest."""

import re
import time
from collections.abc import Callable

from streamlit.testing.v1 import AppTest

OpenPage = Callable[[str], AppTest]
PAGE = "pages/5_Data.py"
PATIENCE_S = 60


def button(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    """Return the first button whose label starts so."""
    return next(item for item in app.button if item.label.startswith(label))


def has_button(app: AppTest, label: str) -> bool:
    """Return whether there is a button whose label starts so."""
    return any(item.label.startswith(label) for item in app.button)


def finished(app: AppTest) -> AppTest:
    """Wait for the background job, as the page's polling does."""
    deadline = time.monotonic() + PATIENCE_S
    while has_button(app, "Cancel"):
        assert time.monotonic() < deadline, "the job did not end"
        time.sleep(0.1)
        app.run()
    assert not app.exception
    return app


def import_files(app: AppTest, files: dict[str, bytes], name: str = "") -> AppTest:
    """Upload files, perhaps name the dataset, and import it."""
    uploader = app.file_uploader[0]
    uploader.set_value([(file, data, "application/octet-stream") for file, data in files.items()]).run()
    if name:
        app.text_input(key="data_import_name").set_value(name).run()
    return finished(button(app, "Import").click().run())


def view(app: AppTest, name: str) -> AppTest:
    """Choose a view of the dataset."""
    return finished(app.segmented_control(key="data_view").set_value(name).run())


def images_of(app: AppTest) -> list[str]:
    """Return the captions of the images, as they are read."""
    return [re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", caption) for caption in captions_of(app)]


def captions_of(app: AppTest) -> list[str]:
    """Return the captions of the images, in Markdown."""
    return [image.caption for block in app.get("image") for image in block.proto.imgs]


def downloads(app: AppTest) -> set[str]:
    """Return the labels of the downloads of CSV."""
    labels = [item.proto.label for item in app.get("download_button")]
    return {label for label in labels if label.endswith(", as CSV")}
