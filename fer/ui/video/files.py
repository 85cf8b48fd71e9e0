"""Serve the results of a video from its folder, in pieces: a player jumps in them, and nothing large is in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from fer.errors import VideoError
from fer.text import encodable
from fer.ui.access import gate
from fer.ui.exposure import person_of
from fer.video import stored
from fer.video.job import ANNOTATED, REPORT, ROWS, SUBTITLES, VideoJob
from fer.video.store import find_video

CSV, JSON = "rows.csv", "rows.json"
_GROUP: Final = "group"
_GONE: Final = "These results were deleted, or are somebody else's. Reload the page.\n"
# By name: the media type, and what follows the video's own name in that of the download.
_FILES: Final = {
    ANNOTATED: ("video/mp4", "-annotated.mp4"),
    ROWS: ("application/vnd.apache.parquet", ".parquet"),
    REPORT: ("text/html", ".html"),
    SUBTITLES: ("text/vtt", ".vtt"),
}
_MADE: Final = {CSV: ("text/csv", ".csv"), JSON: ("application/json", ".json"), ROWS: _FILES[ROWS]}
# Of a group's name in an address.
_MAX_GROUP: Final = 500
# Results may not stay in the browser after they are deleted here, nor be shown by another site.
_HEADERS: Final = {"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin"}


def address_of(job: VideoJob, name: str, group: str | None = None) -> str:
    """Return the address of a result, relative to the page; a table names the group of the video, if it has one."""
    query = "" if group is None or name not in _MADE else f"?{urlencode({_GROUP: group[:_MAX_GROUP]})}"
    return f"videos/{job.id}/{name}{query}"


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
    group = request.query_params.get(_GROUP)
    if (pieces := _pieces(job, name, group)) is not None and (job.folder / ROWS).is_file():
        return _made(job, name, pieces)
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


def _pieces(job: VideoJob, name: str, group: str | None) -> Iterator[bytes] | None:
    """Return the pieces of a table that is made when it is asked for, or None if it is stored as it is."""
    group = None if group is None else encodable(group[:_MAX_GROUP])
    if name == ROWS:
        return None if group is None else stored.parquet_of(job.folder, group)
    make = {CSV: stored.csv_of, JSON: stored.json_of}.get(name)
    return make and make(job.folder, group)


def _made(job: VideoJob, name: str, pieces: Iterator[bytes]) -> Response:
    media_type, ending = _MADE[name]
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
