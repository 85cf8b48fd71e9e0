import struct
from typing import Any

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


def directory(order: str, entries: dict[int, tuple[int, int, int]]) -> bytes:
    """Return a directory of entries by tag: type, count, and the field as a number."""
    body = b"".join(struct.pack(f"{order}HHLL", tag, *entries[tag]) for tag in sorted(entries))
    return struct.pack(f"{order}H", len(entries)) + body + bytes(4)


def raw_file(below: list[int], *, order: str = "<", kind: int = 13, first: int = 2, dng: bool = False) -> bytes:
    """Return a thumbnail of 8 x 8 whose directory names others with these photometric interpretations."""
    short = 3
    field = 1 if order == "<" else 2**16  # short values stand at the left
    pixels_at, lists_at = 8, 8 + 192
    others = [directory(order, {PHOTOMETRIC: (short, 1, photometric * field)}) for photometric in below]
    others_at = [lists_at + 4 * len(below) + sum(map(len, others[:k])) for k in range(len(others))]
    entries = {WIDTH: 8, HEIGHT: 8, COMPRESSION: 1, PHOTOMETRIC: first, 277: 3, 278: 8}
    fields = {tag: (short, 1, value * field) for tag, value in entries.items()}
    fields |= {BITS: (short, 1, 8 * field), OFFSETS: (4, 1, pixels_at), SIZES: (4, 1, 192)}
    if below:
        fields[330] = (kind, len(below), lists_at if len(below) > 1 else others_at[0])
    if dng:
        fields[50706] = (1, 4, 0x01040000 if order == ">" else 0x00000401)
    content = bytes(192) + struct.pack(f"{order}{len(below)}L", *others_at) + b"".join(others)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HL", 42, 8 + len(content))
    return head + content + directory(order, fields)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "parts",
    [
        {"below": [6, 32803], "kind": 4},
        {"below": [32803]},
        {"below": [6, 6, 34892]},
        {"below": [], "first": 32803},
        {"below": [], "dng": True},
    ],
    ids=["nef", "one directory", "linear", "pef", "dng"],
)
def test_raw_files_are_named_not_read(order: str, parts: dict[str, Any]) -> None:
    """Their thumbnail must not pass for the photo."""
    with pytest.raises(ImageError, match="a camera's raw file; export the photo as JPEG"):
        decode(raw_file(order=order, **parts))


@pytest.mark.parametrize("below", [[], [2], [6, 2]])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_picture_with_further_directories_is_no_raw_file(order: str, below: list[int]) -> None:
    assert decode(raw_file(below, order=order)).shape == (8, 8, 3)


def test_a_directory_outside_the_file_costs_no_picture() -> None:
    data = bytearray(raw_file([2]))
    at = data.index(struct.pack("<HHL", 330, 13, 1)) + 8
    data[at : at + 4] = struct.pack("<L", 2**31)
    assert decode(bytes(data)).shape == (8, 8, 3)


def test_canons_raw_file_is_named() -> None:
    data = b"II*\0\x10\0\0\0CR\x02\0" + bytes(4) + directory("<", {WIDTH: (3, 1, 8)})
    with pytest.raises(ImageError, match="a camera's raw file"):
        decode(data)
