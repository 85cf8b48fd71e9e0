import os
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from fer.errors import ImageError
from fer.vision.files import png
from fer.vision.files.png import chunk
from fer.vision.images import decode
from tests.support.builders import encoded, portrait_bgr

AFTER_HEADER = 33
FEW = settings(max_examples=40, deadline=None)


def portrait() -> Image.Image:
    return Image.fromarray(portrait_bgr()[::4, ::4, ::-1].copy())


def with_chunks(*chunks: bytes) -> bytes:
    data = encoded(portrait())
    return data[:AFTER_HEADER] + b"".join(chunks) + data[AFTER_HEADER:]


def same_as_portrait(data: bytes) -> None:
    np.testing.assert_array_equal(decode(data), portrait_bgr()[::4, ::4])


def test_megabytes_of_text_and_profiles_are_skipped() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * 3_000_000, zip=True)
    same_as_portrait(encoded(portrait(), pnginfo=text))
    same_as_portrait(with_chunks(chunk(b"iCCP", b"big\0\0" + zlib.compress(os.urandom(1_500_000)))))
    same_as_portrait(with_chunks(*[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000)))] * 80))


@FEW
@given(
    kind=st.from_regex(rb"[a-z][A-Za-z][A-Z][A-Za-z]", fullmatch=True).filter(lambda kind: kind != b"tRNS"),
    content=st.binary(max_size=80),
    checksum=st.binary(min_size=4, max_size=4),
)
def test_damage_in_chunks_that_decoding_does_not_need(kind: bytes, content: bytes, checksum: bytes) -> None:
    broken = len(content).to_bytes(4, "big") + kind + content + checksum
    image = decode(with_chunks(broken))
    assert kind == b"eXIf" or np.array_equal(image, portrait_bgr()[::4, ::4])


def test_transparency_with_a_wrong_checksum_is_used() -> None:
    picture = portrait().quantize(8)
    data = bytearray(encoded(picture, transparency=picture.getpixel((0, 0))))
    at = data.index(b"tRNS")
    length = int.from_bytes(data[at - 4 : at], "big")
    data[at + 4 + length] ^= 1
    assert tuple(decode(bytes(data))[0, 0]) == (255, 255, 255)


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT"])
def test_damage_in_the_pixels_is_damage(kind: bytes) -> None:
    data = bytearray(encoded(portrait()))
    at = data.index(kind)
    data[at + 4 + int.from_bytes(data[at - 4 : at], "big")] ^= 1
    with pytest.raises(ImageError, match="damaged"):
        decode(bytes(data))


def test_the_end_chunk_may_be_missing_but_no_pixels() -> None:
    data = encoded(portrait())
    same_as_portrait(data[:-12])
    pixels = zlib.compress(portrait().tobytes()[:3000])
    short = data[:AFTER_HEADER] + chunk(b"IDAT", pixels)
    same_as_portrait(data[:-13])  # a byte of a checksum
    for cut in (data[: len(data) // 2], short):
        with pytest.raises(ImageError, match="damaged"):
            decode(cut)


def test_an_animation_is_read_as_its_default_image() -> None:
    frames = [Image.new("RGB", portrait().size, "red")]
    same_as_portrait(encoded(portrait(), save_all=True, append_images=frames))


def test_millions_of_empty_chunks_are_refused() -> None:
    with pytest.raises(ImageError, match="parts"):
        decode(with_chunks(chunk(b"IDAT", b"") * 60_000))


@pytest.mark.parametrize(
    ("channels", "bits", "expected"), [(1, 8, 7), (3, 8, 7), (4, 8, 7), (1, 16, 7), (3, 16, 12), (4, 16, 16)]
)
def test_memory_depends_on_depth_and_transparency(channels: int, bits: int, expected: int) -> None:
    """Measured: OpenCV holds deep colours twice."""
    done, data = cv2.imencode(".png", np.zeros((4, 4, channels), np.uint8 if bits == 8 else np.uint16))
    assert done and png.essentials(data.tobytes()).bytes_per_pixel == expected


def test_a_transparent_colour_makes_a_deep_picture_one_of_four_channels() -> None:
    _, data = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint16))
    content = data.tobytes()
    transparent = content[:AFTER_HEADER] + chunk(b"tRNS", bytes(6)) + content[AFTER_HEADER:]
    assert png.essentials(transparent).bytes_per_pixel == 16
