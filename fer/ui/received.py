"""Uploads as they arrive: a photo in memory, anything larger in a file without a name, which is never read as a whole.

Starlette writes an upload into a temporary file, and Streamlit reads that into memory, where it stays while its tab is
open: 400 MB for a video. Here, what is larger than a photo stays in the file, which the system deletes when it is
closed, also if the program is killed. `open_upload` reads both kinds.
"""

import shutil
import threading
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final

from starlette.formparsers import MultiPartException
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fer import paths
from fer.text import MB
from fer.vision.images import MAX_BYTES

# A photo and what surrounds it in a request. A larger upload is a video, a dataset or a model, which may be on disk.
_IN_MEMORY_BYTES: Final = MAX_BYTES + MB
# All uploads in memory that are under way together.
_TOTAL_BYTES: Final = 500 * MB
# Uploads leave so much of the disk to everything else.
LEAST_FREE_BYTES: Final = 200 * MB
_FULL: Final = "The disk is full. Free some space and try again."


class OnDisk(bytes):
    """Stands for the content of an upload in Streamlit's record of it: it has its length, and where it is.

    Attributes:
        stream: the content; closing it deletes the file.
        size: bytes.
    """

    stream: IO[bytes]
    size: int

    @classmethod
    def of(cls, stream: IO[bytes]) -> "OnDisk":
        """Return what stands for a file's content."""
        content = cls()
        content.stream = stream
        content.size = stream.seek(0, 2)
        return content

    def __len__(self) -> int:
        return self.size


def open_upload(file: UploadedFile) -> IO[bytes]:
    """Return the content of one of this visitor's uploads, from its beginning. A large one can't be read from `file`.

    It stays readable after the upload is released.
    """
    context = get_script_run_ctx()
    records = context.uploaded_file_mgr.get_files(context.session_id, [file.file_id]) if context else []
    stream: IO[bytes] = file
    if records and isinstance(records[0].data, OnDisk):
        stream = records[0].data.stream
    stream.seek(0)
    return stream


def room_on_disk() -> int:
    """Return how many bytes of uploads larger than a photo the disk has room for."""
    folder = paths.home()
    try:
        return max(0, shutil.disk_usage(folder if folder.exists() else folder.parent).free - LEAST_FREE_BYTES)
    except OSError:  # the first upload says why
        return 0


class Received(SpooledTemporaryFile[bytes]):
    """An upload on its way, in memory up to the size of a photo; together with the others within a bound."""

    _in_use = 0
    _counting = threading.RLock()

    def __init__(self, *_: Any, **__: Any) -> None:
        self._counted = 0
        self._passed_on = False
        super().__init__(max_size=_IN_MEMORY_BYTES, dir=str(paths.home()))

    def write(self, data: Any) -> int:
        """Add to the upload.

        Raises:
            MultiPartException: all uploads together are too large, or the disk is full.
        """
        if not self._on_disk:
            self._count(len(data))
        try:
            written = super().write(data)
            if self._on_disk and shutil.disk_usage(paths.home()).free < LEAST_FREE_BYTES:
                raise MultiPartException(_FULL)
        except OSError as error:
            raise MultiPartException(_FULL) from error
        return written

    def read(self, *arguments: Any) -> bytes:
        """Return the content; of a large upload, `OnDisk` instead of all of it, which then owns the file."""
        if not self._on_disk or arguments not in ((), (-1,)):
            return super().read(*arguments)
        self._passed_on = True
        return OnDisk.of(self._file)

    def rollover(self) -> None:
        """Continue on disk: this is no photo."""
        paths.home().mkdir(parents=True, exist_ok=True)
        super().rollover()
        self._count(-self._counted)

    def close(self) -> None:
        """Let go of the upload."""
        if not self._passed_on:
            super().close()
        self._count(-self._counted)

    def __del__(self) -> None:
        # Perhaps while this thread counts.
        self._count(-self._counted)

    @property
    def _on_disk(self) -> bool:
        rolled: bool = self._rolled  # type: ignore[attr-defined]
        return rolled

    def _count(self, n_bytes: int) -> None:
        with self._counting:
            if n_bytes > 0 and type(self)._in_use + n_bytes > _TOTAL_BYTES:
                raise MultiPartException("Too many uploads at the same time. Try again in a moment.")
            type(self)._in_use += n_bytes
            self._counted += n_bytes
