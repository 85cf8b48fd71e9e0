"""Analyses as files to take away: CSV, JSON, and annotated images; shared by the command line and the Upload page."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Final

from fer.arrays import Image
from fer.results import FRAME_COLUMNS, ImageAnalysis, faces_frame
from fer.text import spreadsheet_safe
from fer.vision import images
from fer.vision.drawing import annotate

# What JPEG can hold on a side is 65,535 pixels.
_JPEG_SIDE: Final = 65_000


def to_csv(analyses: Iterable[ImageAnalysis]) -> bytes:
    """A table as UTF-8 CSV, safe to open in a spreadsheet: a row a face with the columns of `ImageAnalysis.to_frame`.

    A name that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    table = faces_frame(list(analyses)).round(6)
    table["file"] = [spreadsheet_safe(file) for file in table["file"]]
    # Quoted, so that a semicolon in a name begins no cell of its own where spreadsheets split there.
    rows = table.to_csv(index=False, header=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return f"{','.join(FRAME_COLUMNS)}\n{rows}".encode()


def to_json(analyses: Iterable[ImageAnalysis]) -> bytes:
    """An array in UTF-8, an object a file, as `ImageAnalysis.to_dict` gives it."""
    return (json.dumps([analysis.to_dict() for analysis in analyses], indent=2, ensure_ascii=False) + "\n").encode()


def annotated_image(image_bgr: Image, analysis: ImageAnalysis) -> bytes:
    """The image with its boxes and expressions drawn in: a JPEG, or a PNG where a side is too long for JPEG."""
    scene = annotate(image_bgr, analysis.faces)
    return images.encode_jpeg(scene) if max(scene.shape[:2]) <= _JPEG_SIDE else images.encode_png(scene)


def annotated_zip(analysed: Sequence[tuple[bytes, ImageAnalysis]]) -> bytes:
    """A zip of annotated images, in full size; images that failed are left out.

    Args:
        analysed: the bytes of each image file, and its analysis.
    """
    stream = io.BytesIO()
    names = AnnotatedNames()
    # Compressing what is compressed takes time and saves nothing.
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for data, analysis in analysed:
            if analysis.error is None:
                picture = annotated_image(images.decode(data), analysis)
                archive.writestr(names.next(analysis.file, picture), picture)
    return stream.getvalue()


class AnnotatedNames:
    """Names for annotated images that never meet one another, nor a name that is taken.

    Args:
        taken: names that are not to be given, whatever their case.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        # Some file systems take names that differ in case alone for the same.
        self._taken = {name.casefold() for name in taken}

    def next(self, file: str, picture: bytes) -> str:
        """'me-annotated.jpg' for 'photos/me.png'; the next of that name is 'me-annotated-2.jpg'."""
        stem = PurePosixPath(file.replace("\\", "/")).stem
        stem = "".join(char if char.isprintable() and char not in '<>:"|?*' else "_" for char in stem)
        # File systems take 255 bytes; a dot in front would hide the file.
        stem = stem.encode()[:200].decode(errors="ignore").lstrip(".") or "image"
        suffix = ".png" if picture.startswith(b"\x89PNG") else ".jpg"
        number = 1
        while True:
            name = f"{stem}-annotated{'' if number == 1 else f'-{number}'}{suffix}"
            if name.casefold() not in self._taken:
                self._taken.add(name.casefold())
                return name
            number += 1
