"""The process that opens a HEIC: `python -m fer.vision.heif_child`.

Over some damaged files, the library ends its process.
"""

import sys

import pi_heif

from fer.vision.heif_wire import CHANNELS, EXIF, GO, LENGTH, MOST_EXIF, SIZE


def main() -> None:
    """Decode the file on the standard input, as `fer.vision.heif_wire` says."""
    source, output = sys.stdin.buffer, sys.stdout.buffer
    # The photo is enough; thumbnails and depth maps would be read too.
    pi_heif.options.THUMBNAILS = pi_heif.options.DEPTH_IMAGES = pi_heif.options.AUX_IMAGES = False
    (n_bytes,) = LENGTH.unpack(source.read(LENGTH.size))
    opened = pi_heif.open_heif(source.read(n_bytes), convert_hdr_to_8bit=True, bgr_mode=True)
    width, height = opened.size
    output.write(SIZE.pack(width, height))
    output.flush()
    if source.read(len(GO)) == GO:
        # The library turns the picture itself.
        pixels = opened.data
        exif = (opened.info.get("exif") or b"")[:MOST_EXIF]
        output.write(EXIF.pack(len(exif)))
        output.write(exif)
        output.write(CHANNELS.pack(len(pixels) // (width * height)))
        output.write(pixels)
        output.flush()


if __name__ == "__main__":
    main()
