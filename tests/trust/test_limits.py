"""The browser and the code refuse files of the same size, counted in the same megabytes."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fer import paths
from fer.errors import BundleError, ImageError
from fer.runs import importing
from fer.text import MB, file_size
from fer.vision import images
from fer.vision.images import decode, too_large

# What the frontend and the server multiply `max_upload_size` and `server.maxUploadSize` by.
CHOOSERS_MB = 1024 * 1024


def limits_mb(page: str) -> list[int]:
    """The limits in the file choosers of a page, as the browser gets them."""
    app = AppTest.from_file(str(paths.PROGRAM / "app.py"), default_timeout=60).run()
    return [item.proto.max_upload_size_mb for item in app.switch_page(page).run().file_uploader]


def test_a_photo_may_have_as_many_bytes_in_the_browser_as_in_the_code(fer_home: Path) -> None:
    assert [limit * CHOOSERS_MB for limit in limits_mb("pages/2_Upload.py")] == [images.MAX_BYTES] == [30 * CHOOSERS_MB]
    with pytest.raises(ImageError, match="isn't a readable image"):
        decode(bytes(images.MAX_BYTES))
    with pytest.raises(ImageError, match=r"^The file has 30\.1 MB; at most 30 MB are read"):
        decode(bytes(images.MAX_BYTES + 1))


def test_a_model_may_have_as_many_bytes_in_the_browser_as_in_the_code(fer_home: Path) -> None:
    assert [limit * CHOOSERS_MB for limit in limits_mb("pages/3_Training.py")] == [importing.MAX_ONNX_BYTES]
    with pytest.raises(BundleError, match="isn't that of a model bundle"):
        importing.import_model(bytes(importing.MAX_ONNX_BYTES), b"{}", "theirs")
    with pytest.raises(BundleError, match=r"model\.onnx has 100\.1 MB; at most 100 MB are accepted"):
        importing.import_model(bytes(importing.MAX_ONNX_BYTES + 1), b"{}", "theirs")


def test_a_dataset_may_have_what_the_server_takes(fer_home: Path) -> None:
    """No limit of the code's own is below that of the chooser, which is the server's."""
    from fer.datasets.readers import budget

    (limit,) = limits_mb("pages/5_Data.py")
    assert limit == st.get_option("server.maxUploadSize") and limit * CHOOSERS_MB < budget.MAX_TOTAL_BYTES


def test_sizes_are_shown_in_the_same_megabytes() -> None:
    assert MB == CHOOSERS_MB
    assert [file_size(size) for size in (1, 10 * 1024, 30 * MB, 300 * MB)] == ["1 kB", "10 kB", "30.0 MB", "300 MB"]
    assert "30.1 MB" in too_large(30 * MB + 1)
