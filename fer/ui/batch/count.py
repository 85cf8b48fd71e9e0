"""Count what is in the chosen folders, in the background, before a batch is started."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import streamlit as st

from fer.batch import census
from fer.batch.census import Census
from fer.text import counted, file_size, listed, literal
from fer.ui import jobs
from fer.ui.messages import show_error

_COUNT: Final = "batch_count"
# A count this quick needs no progress bar.
_QUICK_SECONDS: Final = 0.4
_MOST_NAMED: Final = 3
_TOKEN_BYTES: Final = 8


def _new_key() -> str:
    return f"batch count {secrets.token_hex(_TOKEN_BYTES)}"


@dataclass
class _Count:
    """The count of one choice of one person. Whoever makes the same choice later counts again: files come and go.

    Attributes:
        inputs: what was chosen.
        key: of the job that counts.
        found: what it counted; None until it has ended.
    """

    inputs: tuple[str, ...]
    key: str = field(default_factory=_new_key)
    found: Census | None = None


def show(inputs: tuple[str, ...], roots: Sequence[Path]) -> None:
    """Draw what is in the chosen files and folders: at once, or a progress bar while it is counted.

    Args:
        inputs: absolute paths and patterns; () if nothing is chosen.
        roots: the allowed folders.
    """
    count = st.session_state.get(_COUNT)
    if count is None or count.inputs != inputs:
        forget()
        if not inputs:
            return
        count = st.session_state[_COUNT] = _Count(inputs)
        _begin(count, [str(root) for root in roots])
    if count.found is None:
        _wait(count)
    if count.found is not None:
        _show(count.found)


def forget() -> None:
    """End the count of the last choice, if there is one, and forget what it found."""
    count = st.session_state.pop(_COUNT, None)
    job = jobs.find(count.key) if count is not None else None
    if job is not None:
        job.cancel()
        jobs.forget(count.key)


def _begin(count: _Count, roots: list[str]) -> None:
    def work(hear: Any) -> Census:
        return census.count(count.inputs, roots, lambda n_files: hear(0.0, f"Counting: {counted(n_files, 'file')}"))

    jobs.start(count.key, work)


def _wait(count: _Count) -> None:
    job = jobs.find(count.key)
    if job is not None:
        job.wait(_QUICK_SECONDS)
    if job is not None and job.state == jobs.RUNNING:
        jobs.watch(count.key)
    elif job is not None and job.state == jobs.FAILED:
        show_error(job.error)
    elif job is not None and job.state == jobs.DONE:
        # The session keeps it, and ends some day; the jobs are those of all sessions.
        count.found = job.result
        jobs.forget(count.key)
    else:
        st.caption("Not counted. You can start all the same.")


def _show(found: Census) -> None:
    if not found.n_files:
        st.warning("There is no photo or video here; choose another folder.", icon=":material/search_off:")
    else:
        kinds = [counted(n, noun) for n, noun in ((found.n_photos, "photo"), (found.n_videos, "video")) if n]
        others = f" {counted(found.n_others, 'other file')} will be skipped." if found.n_others else ""
        st.markdown(f"**{listed(kinds)}**, {file_size(found.n_bytes)}.{others}")
    for name, why in found.failures[:_MOST_NAMED]:
        st.caption(f":material/warning: {literal(name)}: {literal(why)}")
    if len(found.failures) > _MOST_NAMED:
        st.caption(f"{len(found.failures) - _MOST_NAMED:,} more can't be searched.")
