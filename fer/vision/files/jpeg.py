"""JPEG: the segments that decoding needs, the number of scans, and whether the end mark is there."""

import re
from typing import Final

from fer.vision.files.exif import NO_EXIF, exif_of
from fer.vision.files.parts import PILLOW_BYTES, DamagedError, Essentials, counted_parts

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_APP0, _APP1, _APP14, _APP15, _COMMENT = 0xE0, 0xE1, 0xEE, 0xEF, 0xFE
_WITHOUT_LENGTH: Final = (0x00, 0x01, *range(0xD0, 0xD8))
_FRAMES: Final = tuple(marker for marker in range(0xC0, 0xD0) if marker not in (0xC4, 0xC8, 0xCC))
_PROGRESSIVE: Final = (0xC2, 0xC6, 0xCA, 0xCE)
# The start of the next segment: within a scan, 0xFF is followed by 0x00 or a restart mark.
_NEXT_SEGMENT: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# While a progressive file is decoded, its coefficients are kept next to Pillow's RGB: 2 bytes for each sample.
_RGB_BYTES, _COEFFICIENT_BYTES = 4.0, 2.0
# Bits that decode to something else than the zeros which the decoder takes after an end mark.
_NOISE: Final = bytes((37 * number + 11) % 251 for number in range(512))
# After each restart mark as well: the decoder passes over what precedes the mark it waits for.
_FILLER: Final = _NOISE + b"".join(bytes([0xFF, 0xD0 + number % 8]) + _NOISE for number in range(16))
_N_COEFFICIENTS: Final = 64
# Cameras write one EXIF block, some editors another; a hostile file has ten thousands, and each takes time.
_MOST_BLOCKS: Final = 8


def essentials(data: bytes) -> Essentials:
    """Return a JPEG without its metadata, up to the end of its first image.

    Raises:
        DamagedError: it has no end mark, and scans are missing too.
        TooMuchWorkError: it consists of too many segments.
    """
    parts = [data[:2]]
    exif, n_blocks, n_scans, coefficients, at, ended = NO_EXIF, 0, 0, 0.0, 2, False
    sent: set[tuple[int, int]] = set()
    n_components = 0
    for _ in counted_parts():
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            break
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _WITHOUT_LENGTH:
            at += 2
            continue
        if marker in (_EOI, _SOI):
            ended = marker == _EOI
            break
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        segment = data[at:end]
        if marker == _SOS:
            n_scans += 1
            sent |= _fully_sent(segment)
            found = _NEXT_SEGMENT.search(data, end)
            end = found.start() if found else len(data)
            parts.append(data[at:end])
        elif marker == _APP1 and segment[4:10] == b"Exif\0\0":
            if n_blocks < _MOST_BLOCKS:
                exif = exif.or_else(exif_of(segment[4:]))
            n_blocks += 1
        elif not (_APP0 <= marker <= _APP15 or marker == _COMMENT) or _tells_colors(segment):
            parts.append(segment)
        if marker in _FRAMES:
            n_components = segment[9] if len(segment) > 9 else 0
        if marker in _PROGRESSIVE:
            coefficients = _COEFFICIENT_BYTES * _samples_per_pixel(segment)
        at = end
    if not ended and len(sent) < n_components * _N_COEFFICIENTS:
        raise DamagedError
    whole = b"".join(parts)
    return Essentials(
        data=whole + b"\xff\xd9" if ended else whole.rstrip(b"\xff"),
        exif=exif,
        n_passes=n_scans,
        bytes_per_pixel=max(PILLOW_BYTES, _RGB_BYTES + coefficients),
        ended=ended,
    )


def endings(data: bytes) -> tuple[bytes, bytes]:
    """Return a JPEG that lacks its end mark with two different endings.

    Both decode to the same pixels only if nothing but the mark is missing: otherwise the decoder reads on into what
    follows.
    """
    return data + b"\xff\xd9", data + _FILLER + b"\xff\xd9"


def _fully_sent(scan: bytes) -> set[tuple[int, int]]:
    """Return (component, coefficient) of what a scan sends to its last bit; progressive files leave bits for later."""
    n_components = scan[4] if len(scan) > 4 else 0
    last = scan[5 + 2 * n_components : 8 + 2 * n_components]
    if len(last) < 3 or last[2] & 0x0F:
        return set()
    coefficients = range(last[0], min(last[1], _N_COEFFICIENTS - 1) + 1)
    return {(component, number) for component in scan[5 : 5 + 2 * n_components : 2] for number in coefficients}


def _tells_colors(segment: bytes) -> bool:
    """Tell whether an application's segment says how colours are coded: JFIF's or Adobe's."""
    return segment[4:9] == b"JFIF\0" or (segment[1] == _APP14 and segment[4:9] == b"Adobe")


def _samples_per_pixel(frame: bytes) -> float:
    """Return 3 for full colour, 1.5 if colours have half of the resolution, from a frame header."""
    factors = [frame[at] for at in range(11, len(frame), 3)]
    sizes = [(factor >> 4) * (factor & 15) for factor in factors]
    return sum(sizes) / max(sizes) if any(sizes) else 0.0
