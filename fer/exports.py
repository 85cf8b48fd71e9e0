"""Write analyses as files: CSV, JSON and annotated images, for the command line and the Upload page."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Final

from fer.arrays import Image
from fer.errors import sentence_for
from fer.provenance import Provenance
from fer.results import ImageAnalysis, faces_frame, files_frame
from fer.text import spreadsheet_safe
from fer.vision import images
from fer.vision.annotation import annotate
from fer.vision.comments import with_comment

if TYPE_CHECKING:
    import pandas as pd

# JPEG holds 65,535 pixels on a side.
_JPEG_SIDE: Final = 65_000
# File systems take 255 bytes; number and suffix need some.
_STEM_BYTES: Final = 200
_WINDOWS_PATH: Final = re.compile(r"([A-Za-z]:|\\)\\")


def to_csv(analyses: Iterable[ImageAnalysis], about: Provenance, groups: Mapping[str, str] | None = None) -> bytes:
    """Return the faces as UTF-8 CSV, safe to open in a spreadsheet: one row per face, as `ImageAnalysis.to_frame`.

    A name that a spreadsheet would run as a formula gets an apostrophe in front. The last columns,
    `PROVENANCE_COLUMNS`, say in every row what made the result. With groups, by file, the second
    column is `group`.
    """
    return _csv(faces_frame(analyses).round(6), about, groups)


def to_files_csv(
    analyses: Iterable[ImageAnalysis], about: Provenance, groups: Mapping[str, str] | None = None
) -> bytes:
    """Return the files as UTF-8 CSV, as `to_csv`: one row per file, as `files_frame`, failed ones included."""
    return _csv(files_frame(analyses), about, groups)


def _csv(table: "pd.DataFrame", about: Provenance, groups: Mapping[str, str] | None) -> bytes:
    table = table.assign(**about.columns())
    if groups is not None:
        table.insert(1, "group", [spreadsheet_safe(groups.get(file, "")) for file in table["file"]])
    table["file"] = [spreadsheet_safe(text) for text in table["file"]]
    # Quoted, so that a semicolon in a name starts no new cell in a spreadsheet that splits there.
    rows = table.to_csv(index=False, header=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return f"{','.join(table.columns)}\n{rows}".encode()


def to_json(analyses: Iterable[ImageAnalysis], about: Provenance, groups: Mapping[str, str] | None = None) -> bytes:
    """Return an object in UTF-8: 'about' says what made the results, 'files' has an object per file.

    The objects are as `ImageAnalysis.to_dict` makes them. With groups, each has a `group`: a name, or null if it has
    none.
    """
    files = [analysis.to_dict() for analysis in analyses]
    if groups is not None:
        files = [{"file": file["file"], "group": groups.get(file["file"]), **file} for file in files]
    content = {"about": about.to_dict(), "files": files}
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def annotated_image(image_bgr: Image, analysis: ImageAnalysis, about: Provenance) -> bytes:
    """Return the image with boxes and expressions drawn in: JPEG, or PNG if a side is too long for JPEG.

    The file's comment says what made it.

    Raises:
        ImageError: a side is too long for either.
    """
    scene = annotate(image_bgr, analysis.faces)
    picture = images.encode_jpeg(scene) if max(scene.shape[:2]) <= _JPEG_SIDE else images.encode_png(scene)
    return with_comment(picture, about.text)


@dataclass(frozen=True)
class AnnotatedZip:
    """A zip of annotated images, and the images that could not be written, each with its reason."""

    data: bytes
    not_written: tuple[ImageAnalysis, ...]


def annotated_zip(
    analysed: Sequence[tuple[bytes, ImageAnalysis]],
    about: Provenance,
    on_progress: Callable[[float], None] | None = None,
) -> AnnotatedZip:
    """Make a zip of annotated images in full size; files that could not be analysed are left out.

    Args:
        analysed: the bytes of each image file, and its analysis.
        about: what made the analyses; the comment of each image says it.
        on_progress: is told before each image how much is done, 0..1.
    """
    stream, names, not_written = io.BytesIO(), AnnotatedNames(), []
    # Stored: images are compressed already.
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for number, (data, analysis) in enumerate(analysed):
            if on_progress:
                on_progress(number / len(analysed))
            if analysis.error is not None:
                continue
            try:
                picture = annotated_image(images.decode(data), analysis, about)
            except Exception as error:  # one of many: the others are written
                not_written.append(ImageAnalysis.failed(analysis.file, sentence_for(error)))
            else:
                archive.writestr(names.next(analysis.file, picture), picture)
    return AnnotatedZip(stream.getvalue(), tuple(not_written))


class AnnotatedNames:
    """Names for annotated images and videos, distinct from each other and from names that are taken.

    Args:
        taken: names that exist already, whatever their case.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        # Some file systems ignore the case of names.
        self._taken = {name.casefold() for name in taken}

    def next(self, file: str, picture: bytes) -> str:
        """Return 'me-annotated.jpg' for 'photos/me.png', and 'me-annotated-2.jpg' for the next 'me'."""
        return self.with_suffix(file, ".png" if picture.startswith(b"\x89PNG") else ".jpg")

    def with_suffix(self, file: str, suffix: str) -> str:
        """Return such a name with a suffix, such as '.mp4'."""
        path = PureWindowsPath(file) if _WINDOWS_PATH.match(file) else PurePosixPath(file)
        # Elsewhere a backslash is part of the name, or stands for a byte that is not UTF-8.
        stem = "".join(char if char.isprintable() and char not in '<>:"|?*\\' else "_" for char in path.stem)
        # A dot in front would hide the file.
        stem = stem.encode(errors="replace")[:_STEM_BYTES].decode(errors="ignore").lstrip(".") or "image"
        number = 1
        while True:
            name = f"{stem}-annotated{'' if number == 1 else f'-{number}'}{suffix}"
            if name.casefold() not in self._taken:
                self._taken.add(name.casefold())
                return name
            number += 1
