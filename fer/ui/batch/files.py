"""Serve the results of a batch, in pieces: nothing large is in memory."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from fer.batch import downloads
from fer.batch.job import BatchJob
from fer.batch.output import FACES, FILES
from fer.batch.store import find_batch
from fer.errors import BatchError
from fer.ui.access.settings import Role
from fer.ui.exposure import person_of

PARTS, FACES_CSV, FILES_CSV, ANNOTATED = "parts.zip", "faces.csv", "files.csv", "annotated.zip"
_GONE: Final = "These results were deleted, or you may not see them. Reload the page.\n"
_MADE: Final[dict[str, tuple[Callable[[Path], Iterator[bytes]], str]]] = {
    PARTS: (downloads.parts_zip, "application/zip"),
    FACES_CSV: (partial(downloads.csv_of, kind=FACES), "text/csv"),
    FILES_CSV: (partial(downloads.csv_of, kind=FILES), "text/csv"),
    ANNOTATED: (downloads.annotated_zip, "application/zip"),
}
# Results may not stay in the browser after they are deleted here, nor be shown by another site.
_HEADERS: Final = {"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin"}


def address_of(job: BatchJob, name: str) -> str:
    """Return the address of a result, relative to the page."""
    return f"batches/{job.id}/{name}"


def batch_files() -> Route:
    """Return the route that serves the results of batches."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return Route(f"{f'/{base}' if base else ''}/batches/{{batch_id}}/{{name}}", _answer)


async def _answer(request: Request) -> Response:
    return await run_in_threadpool(_result, request)


def _result(request: Request) -> Response:
    who, name = person_of(request.cookies), request.path_params["name"]
    job = find_batch(request.path_params["batch_id"])
    if who is None or who.role < Role.TRAINER or job is None or name not in _MADE or not job.results.is_dir():
        return PlainTextResponse(_GONE, 404)
    make, media_type = _MADE[name]
    pieces = make(job.results)
    try:
        # What is damaged is told now; once the answer has begun, it can only break off.
        first = next(pieces, b"")
    except BatchError as error:
        return PlainTextResponse(f"{error}\n", 500)
    disposition = f'attachment; filename="batch-{job.id[:15]}-{name}"'
    return StreamingResponse(
        chain([first], pieces), media_type=media_type, headers={**_HEADERS, "Content-Disposition": disposition}
    )
