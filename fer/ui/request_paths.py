"""Tell what a request asks for: what the middlewares of the app share."""

from typing import Final

import streamlit as st
from starlette.datastructures import Headers
from starlette.types import Scope

STREAM: Final = "/_stcore/stream"
# Pictures and downloads of pages, results of videos and batches, and uploads.
PRIVATE: Final = ("/media", "/videos", "/batches", "/_stcore/upload_file")
# Everything that isn't the app's own page. A browser also 'navigates' to a download, and to the end of a login.
_NO_PAGES: Final = (*PRIVATE, "/_stcore", "/auth", "/component", "/oauth2callback", "/static", "/app/static")


def base_path() -> str:
    """Return the path below which the app is served, such as '/fer'; '' for none."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"/{base}" if base else ""


def path_of(scope: Scope, base: str) -> str:
    """Return the path of a request below `base`."""
    return str(scope["path"]).removeprefix(base)


def within(path: str, prefixes: tuple[str, ...]) -> bool:
    """Return whether a path is one of some, or below one of them."""
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def is_page(scope: Scope, path: str) -> bool:
    """Return whether a browser opens one of the app's pages."""
    return (
        scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and "text/html" in Headers(scope=scope).get("accept", "")
        and not within(path, _NO_PAGES)
    )
