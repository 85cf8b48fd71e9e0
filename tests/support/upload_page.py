"""The Upload page in AppTest: drop photos, press buttons, read its texts."""

import numpy as np
from streamlit.testing.v1 import AppTest

from fer.vision.images import encode_jpeg, encode_png
from tests.support.builders import portrait_bgr
from tests.support.markdown import plain

UPLOAD = "pages/2_Upload.py"


def drop(upload: AppTest, *files: tuple[str, bytes]) -> AppTest:
    return upload.file_uploader[0].set_value([(name, data, "image/jpeg") for name, data in files]).run()


def portrait() -> bytes:
    return encode_jpeg(portrait_bgr())


def wall() -> bytes:
    return encode_png(np.full((300, 300, 3), 200, np.uint8))


def texts(upload: AppTest) -> str:
    return "\n".join(
        plain(element.value)
        for element in [*upload.markdown, *upload.caption, *upload.info, *upload.warning, *upload.error]
    )


def press(upload: AppTest, label: str) -> AppTest:
    return next(button for button in upload.button if button.label == label).click().run()
