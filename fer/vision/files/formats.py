"""The one definition of an image file: what its first bytes say, whatever its name is."""

from typing import Final

# Enough for every signature below; a file is not read further to be recognised.
HEAD_BYTES: Final = 64
# What a user may choose, in words for pages and messages.
READABLE: Final = "JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP, TIFF or PPM"

# Names that promise an image. A folder's search tries them even if the content is something else, so that the user
# hears why such a file was not analysed.
SUFFIXES: Final = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"),
        *(".avif", ".heic", ".heif", ".hif", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".svg", ".jxl", ".jp2", ".psd"),
    )
)

_HEIF_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
_STARTS: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    *((b"P%d" % number, "PPM") for number in range(1, 7)),
    (b"Pf", "PPM"),
    (b"PF", "PPM"),
)
# Raw files of cameras that are no TIFF files; the others, such as NEF and DNG, are told by what they contain.
CAMERA_RAW: Final = "Camera raw"
# Files that people take for photos, and that are named in the message instead of read.
_OTHERS: Final = (
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"8BPS", "Photoshop"),
    (b"PK\x03\x04", "ZIP"),
    *(
        (mark, CAMERA_RAW)
        for mark in (
            *(b"\0\0\0\x18ftypcrx ", b"II\x1a\0\0\0HEAPCCDR", b"FUJIFILMCCD-RAW", b"FOVb"),
            *(b"IIRO", b"IIRS", b"MMOR", b"IIU\0"),
        )
    ),
)
_WHITE_SPACE: Final = b" \t\r\n"


def format_of(head: bytes) -> str | None:
    """Return the format of an image file, or None if it is not an image that this program reads.

    Args:
        head: the file's first `HEAD_BYTES` bytes, or all of it.

    Returns:
        One of 'JPEG', 'PNG', 'WEBP', 'HEIF', 'AVIF', 'GIF', 'BMP', 'TIFF' and 'PPM'.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _of_brands(head)
    name = next((name for start, name in _STARTS if head.startswith(start)), None)
    # Any text may begin with 'P5' or 'BM'. Netpbm wants white space after it; a bitmap has zeros at 6 to 9.
    if name == "PPM" and head[2:3] not in (*(_WHITE_SPACE[i : i + 1] for i in range(4)), b"#"):
        return None
    return None if name == "BMP" and head[6:10] != bytes(4) else name


def other_format_of(head: bytes) -> str | None:
    """Return the name of a known format that this program doesn't read, or None."""
    start = head.lstrip(b"\xef\xbb\xbf" + _WHITE_SPACE)
    return next((name for mark, name in _OTHERS if head.startswith(mark) or start.startswith(mark)), None)


def _of_brands(head: bytes) -> str | None:
    """Return the format of an ISO base media file by its brands: the main one first, then the compatible ones."""
    size = min(int.from_bytes(head[:4], "big"), HEAD_BYTES)
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size, 4))]
    for brand in brands:
        if brand in (b"avif", b"avis"):
            return "AVIF"
        if brand in _HEIF_BRANDS:
            return "HEIF"
    return "HEIF" if brands[0] in (b"mif1", b"msf1") else None
