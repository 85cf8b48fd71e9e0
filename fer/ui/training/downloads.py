"""Files of a run to download: its model, settings, curves, reports and log."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from fer.errors import RunError
from fer.evaluation.report import RUN_REPORT
from fer.recognition.bundle import BUNDLE_FILE
from fer.runs import layout, serving
from fer.runs.store import RunSummary
from fer.storage.open_files import open_plain

_FILES: Final = (
    ("Settings (JSON)", layout.CONFIG, "application/json"),
    ("Curves (CSV)", layout.METRICS, "text/csv"),
    ("Report (HTML)", RUN_REPORT, "text/html"),
    ("Report (JSON)", layout.REPORT, "application/json"),
    ("Log", layout.LOG, "text/plain"),
)


@dataclass(frozen=True)
class Download:
    """A file to download.

    Attributes:
        key: identifies the file within its run.
        title: the button's label.
        file_name: the name to save it under.
        mime: its media type.
        read: returns its content, or raises a `RunError` if the run was deleted meanwhile.
        large: whether the content is only made on request.
        stamp: changes with the content.
    """

    key: str
    title: str
    file_name: str
    mime: str
    read: Callable[[], bytes]
    large: bool
    stamp: int


def downloads_of(run: RunSummary) -> list[Download]:
    """Return the files that a run has so far."""
    found = [
        Download(name, title, f"{run.id}-{name}", mime, partial(_read, file), name == RUN_REPORT, _stamp(file))
        for title, name, mime in _FILES
        if (file := run.folder / name).is_file()
    ]
    if not run.has_bundle:
        return found
    bundle = run.folder / layout.BUNDLE
    name = f"{serving.slug(run.name) or run.id}.zip"
    written = _stamp(bundle / BUNDLE_FILE)
    zipped = Download(
        layout.BUNDLE, "Model bundle (zip)", name, "application/zip", partial(_zip, bundle), large=True, stamp=written
    )
    return [zipped, *found]


def _stamp(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _read(file: Path) -> bytes:
    try:
        with open_plain(file) as stream:
            return stream.read()
    except OSError as error:
        raise RunError(f"{file.name} can't be read ({error.strerror}); reload the page.") from error


def _zip(folder: Path) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.glob("*")):
            archive.writestr(file.name, _read(file))
    return data.getvalue()
