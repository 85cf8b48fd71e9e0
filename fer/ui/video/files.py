"""Serve the results of a video from its folder, in pieces: a player jumps in them, and nothing large is in memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from fer.errors import VideoError
from fer.ui.access import gate
from fer.ui.exposure import person_of
from fer.video import stored
from fer.video.job import ANNOTATED, REPORT, ROWS, SUBTITLES, VideoJob
from fer.video.store import find_video

CSV, JSON = "rows.csv", "rows.json"
_GONE: Final = "These results were deleted, or are somebody else's. Reload the page.\n"
# By name: the media type, and what follows the video's own name in that of the download.
_FILES: Final = {
    ANNOTATED: ("video/mp4", "-annotated.mp4"),
    ROWS: ("application/vnd.apache.parquet", ".parquet"),
    REPORT: ("text/html", ".html"),
    SUBTITLES: ("text/vtt", ".vtt"),
}
_MADE: Final[dict[str, tuple[Callable[[Path], Iterator[bytes]], str, str]]] = {
    CSV: (stored.csv_of, "text/csv", ".csv"),
    JSON: (stored.json_of, "application/json", ".json"),
}
# Results may not stay in the browser after they are deleted here, nor be shown by another site.
_HEADERS: Final = {"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin"}


def address_of(job: VideoJob, name: str) -> str:
    """Return the address of a result, relative to the page."""
    return f"videos/{job.id}/{name}"


def result_files() -> Route:
    """Return the route that serves the results of videos."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return Route(f"{f'/{base}' if base else ''}/videos/{{video_id}}/{{name}}", _answer)


async def _answer(request: Request) -> Response:
    return await run_in_threadpool(_result, request)


def _result(request: Request) -> Response:
    who, name = person_of(request.cookies), request.path_params["name"]
    job = find_video(request.path_params["video_id"])
    if who is None or job is None or not gate.is_own(who, "video", job.id):
        return PlainTextResponse(_GONE, 404)
    if name in _MADE and (job.folder / ROWS).is_file():
        return _made(job, name)
    if name in _FILES and (job.folder / name).is_file():
        return _stored(job, name)
    return PlainTextResponse(_GONE, 404)


def _stored(job: VideoJob, name: str) -> Response:
    media_type, ending = _FILES[name]
    # The player shows the video; everything else is to be saved, so that no stranger's name gets into a page of ours.
    return FileResponse(
        job.folder / name,
        media_type=media_type,
        headers=_HEADERS,
        filename=f"{_stem(job)}{ending}",
        content_disposition_type="attachment",
    )


def _made(job: VideoJob, name: str) -> Response:
    make, media_type, ending = _MADE[name]
    pieces = make(job.folder)
    try:
        # What is damaged is told now; once the answer has begun, it can only break off.
        first = next(pieces)
    except VideoError as error:
        return PlainTextResponse(f"{error}\n", 500)
    disposition = f"attachment; filename*=utf-8''{quote(f'{_stem(job)}{ending}')}"
    return StreamingResponse(
        _from(first, pieces), media_type=media_type, headers={**_HEADERS, "Content-Disposition": disposition}
    )


def _from(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _stem(job: VideoJob) -> str:
    request = job.find_request()
    return Path(request.name).stem if request else "video"
