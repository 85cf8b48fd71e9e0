"""Comments in pictures: read back by another library, and without a change of the pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from fer.vision.comments import with_comment
from fer.vision.images import decode, encode_jpeg, encode_png

PICTURE = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)
# The largest segment of a JPEG, in which the last letter doesn't fit whole.
LONG = "é" * 32_767


@pytest.mark.parametrize(("text", "kept"), [("Zoë's model", "Zoë's model"), (LONG, "é" * 32_766)])
@pytest.mark.parametrize("encode", [encode_jpeg, encode_png])
def test_the_comment_is_read_back_and_the_pixels_stay(encode, text: str, kept: str) -> None:
    plain = encode(PICTURE)
    made = with_comment(plain, text)
    picture = Image.open(io.BytesIO(made))
    picture.load()
    found = picture.info.get("comment", b"").decode() or picture.info["Comment"]
    assert found == kept
    np.testing.assert_array_equal(decode(made), decode(plain))


def test_a_jpeg_without_jfif_gets_it_first() -> None:
    data = encode_jpeg(PICTURE)
    bare = data[:2] + data[2 + 2 + 16 :]
    assert data[2:4] == b"\xff\xe0" and bare[2:4] != b"\xff\xe0"
    assert Image.open(io.BytesIO(with_comment(bare, "mine"))).info["comment"] == b"mine"


def test_another_file_stays_as_it_is() -> None:
    assert with_comment(b"GIF89a...", "mine") == b"GIF89a..."
