import struct

import pytest
from PIL import Image

from fer.errors import ImageError
from fer.vision.files import tiff
from fer.vision.images import decode
from tests.support.builders import encoded, portrait_bgr

SCAN = b"\xff\xda" + bytes(8)
JPEG, LZW = 7, 5
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
OFFSETS, SIZES, TILE_OFFSETS, TILE_SIZES = 273, 279, 324, 325


def file_of(
    parts: list[bytes],
    *,
    order: str = "<",
    big: bool = False,
    compression: int = JPEG,
    tiles: bool = False,
    shared: int = 1,
    sizes: bool = True,
) -> bytes:
    """Return a grey TIFF of 64 megapixels with these strips or tiles, each of which is listed `shared` times."""
    place, entry = ("Q", "HHQQ") if big else ("L", "HHLL")
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}H", 43 if big else 42)
    head += struct.pack(f"{order}HHQ", 8, 0, 0) if big else struct.pack(f"{order}L", 0)
    content, listed = bytearray(head), []
    for part in parts:
        listed += [(len(content), len(part))] * shared
        content += part
    at = []
    for column in zip(*listed, strict=True):
        at.append(len(content))
        content += struct.pack(f"{order}{len(column)}{place}", *column)
    kind, n = (16 if big else 4), len(listed)
    first = [listed[0][0], listed[0][1]] if n == 1 else at
    values = {WIDTH: 8000, HEIGHT: 8000, BITS: 8, COMPRESSION: compression, PHOTOMETRIC: 1}
    entries = [(tag, kind, 1, value) for tag, value in values.items()]
    entries.append((TILE_OFFSETS if tiles else OFFSETS, kind, n, first[0]))
    if sizes:
        entries.append((TILE_SIZES if tiles else SIZES, kind, n, first[1]))
    start = len(content)
    content += struct.pack(f"{order}{'Q' if big else 'H'}", len(entries))
    for item in entries:
        content += struct.pack(f"{order}{entry}", *item)
    content += bytes(8 if big else 4)
    content[8 if big else 4 : 16 if big else 8] = struct.pack(f"{order}{place}", start)
    return bytes(content)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("tiles", [False, True])
def test_the_strip_with_the_most_scans_counts(order: str, big: bool, tiles: bool) -> None:
    data = file_of([b"first" + SCAN, 7 * SCAN, 2 * SCAN], order=order, big=big, tiles=tiles)
    assert tiff.essentials(data).n_passes == 7


def test_strips_that_share_a_jpeg_each_have_its_scans() -> None:
    assert tiff.essentials(file_of([9 * SCAN], shared=100)).n_passes == 9


def test_a_strip_without_a_size_reaches_to_the_end() -> None:
    assert tiff.essentials(file_of([SCAN, 3 * SCAN], sizes=False)).n_passes == 4


def test_the_same_bytes_are_no_scans_in_another_coding() -> None:
    assert tiff.essentials(file_of([50 * SCAN], compression=LZW)).n_passes == 1


def test_too_many_scans_are_refused_before_anything_is_decoded() -> None:
    with pytest.raises(ImageError, match="it has 100 scans"):
        decode(file_of([100 * SCAN]))


def test_a_usual_jpeg_in_a_tiff_is_read() -> None:
    picture = Image.fromarray(portrait_bgr()[..., ::-1])
    data = encoded(picture, "TIFF", compression="jpeg")
    assert tiff.essentials(data).n_passes == 1
    assert abs(decode(data).astype(int) - portrait_bgr()).mean() < 5
