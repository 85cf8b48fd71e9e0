"""Fixtures of the tests of `fer analyze`."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.support.builders import encoded, group_bgr, portrait_bgr


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Make a folder of two levels: one face, twelve small ones, none, and four kinds of unreadable files."""
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    cv2.imwrite(str(folder / "one.png"), portrait_bgr())
    cv2.imwrite(str(folder / "deeper" / "group.jpg"), group_bgr(4, 3))
    cv2.imwrite(str(folder / "wall.png"), np.full((200, 300, 3), 90, np.uint8))
    (folder / "text.png").write_text("no picture")
    (folder / "cut.png").write_bytes(encoded(Image.new("RGB", (64, 64)))[:60])
    (folder / "nothing.jpg").touch()
    (folder / "deeper" / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "notes.txt").write_text("left out")
    return folder
