"""Open a stranger's video in a process of its own, with limits: `python -m fer.video.child REQUEST`.

It can open no other file. It writes the messages of `fer.video.wire` to its standard output, and ends with its
parent: when its standard input is closed.
"""

import contextlib
import gc
import importlib
import os
import pkgutil
import sys
import threading
from typing import IO, Any

import av

from fer.errors import VideoError
from fer.storage.children import limit_memory, set_limit
from fer.video.decode import VideoDecoder
from fer.video.limits import MAX_MEMORY
from fer.video.wire import DONE, FAILED, FRAME, INFO, DecodedFrame, Request, send


def main() -> None:
    """Decode what the first argument asks for."""
    output = sys.stdout.buffer
    end_with_parent()
    import_all()
    # A collection then looks at the frames alone, and takes a few microseconds.
    gc.freeze()
    restrict(n_files=1)
    try:
        _decode(Request.from_text(sys.argv[1]), output)
    except VideoError as error:
        send(output, FAILED, {"reason": str(error)})
    except MemoryError:
        send(output, FAILED, {"reason": "memory"})
    except BrokenPipeError:
        # The parent has stopped reading.
        os._exit(0)


def _decode(request: Request, output: IO[bytes]) -> None:
    decoder = VideoDecoder(request)
    for index, frame in enumerate(decoder.frames()):
        if index == 0:
            send(output, INFO, decoder.info().to_dict())
        send(output, FRAME, _about(frame), b"" if frame.image_bgr is None else frame.image_bgr.reshape(-1).data)
        # A frame and its side data refer to each other. Left to Python, hundreds of them pile up: 600 MB in 1080p.
        gc.collect()
    send(output, DONE, {"notes": decoder.notes()})


def _about(frame: DecodedFrame) -> dict[str, Any]:
    height, width = (0, 0) if frame.image_bgr is None else frame.image_bgr.shape[:2]
    return {
        "number": frame.number,
        "pts": frame.pts,
        "time_s": frame.time_s,
        "analyse": frame.analyse,
        "width": width,
        "height": height,
    }


def end_with_parent() -> None:
    """End this process when its standard input is closed, even while it decodes."""

    def watch() -> None:
        # Not by sys.stdin, whose lock this thread would still hold at the end.
        with contextlib.suppress(OSError):
            while os.read(0, 1):
                pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def import_all() -> None:
    """Import what PyAV otherwise imports when it meets a stream, and couldn't open any more."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith((".__main__", ".datasets")):
            importlib.import_module(module.name)


def restrict(n_files: int) -> None:
    """Limit this process, where the system can: memory, files that can be opened, and files that can be written.

    Args:
        n_files: how many files it may still open. Whatever a video names, one more can't be opened.
    """
    try:
        import resource
    except ImportError:  # Windows; the parent watches the memory everywhere
        return
    allow_files(n_files)
    set_limit(resource.RLIMIT_CORE, 0)
    limit_memory(MAX_MEMORY)


def allow_files(n_files: int) -> None:
    """Allow this process to open so many more files, where the system can limit them."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The limit may be reached, and the next free number is asked for.
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    free = os.dup(0)
    os.close(free)
    set_limit(resource.RLIMIT_NOFILE, free + n_files)


if __name__ == "__main__":
    main()
