"""Show the batches that run: how far each is, the first failures, Stop, and Dask's dashboard."""

import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pandas as pd
import streamlit as st

from fer.batch.allowed import name_below
from fer.jobs.job import RUNNING
from fer.text import counted, duration, literal
from fer.ui.access import gate
from fer.ui.batch import library
from fer.ui.batch.library import Listed
from fer.ui.messages import kept_errors
from fer.ui.tables import NAME_PX, row_px, table_px
from fer.ui.widgets import guarded_button

_POLL_SECONDS: Final = 1.0
_TABLE_PX: Final = 400
# What Streamlit gives a column of long texts at most.
_REASON_PX: Final = 500


def running(found: list[Listed]) -> None:
    """Draw the batches that run; nothing if none does."""
    active = [one.job.id for one in found if one.state == RUNNING]
    if active:
        _watch(active)


@st.fragment(run_every=_POLL_SECONDS)
def _watch(active: list[str]) -> None:
    now = [library.Listed.of(batch_id) for batch_id in active]
    if any(one.state != RUNNING for one in now):
        st.rerun()
    for one in now:
        _card(one)


def _card(one: Listed) -> None:
    progress = one.progress
    if progress is None:
        return
    left = "" if progress.seconds_left is None else f" · {duration(progress.seconds_left)} left"
    with st.container(border=True):
        st.markdown(f"**Analysing** {literal(one.name)}")
        st.progress(min(progress.share, 1.0), text=f"{literal(progress.text)}{left}")
        with st.container(horizontal=True, vertical_alignment="center"):
            guarded_button(
                "Stop",
                ("stopped", library.KIND, one.job.id),
                key=f"batch_stop_{one.job.id}",
                icon=":material/stop:",
                help="What is finished stays, and Resume continues.",
                on_click=library.stop,
                args=(one.job,),
            )
            if one.status.dashboard and _is_this_machine(st.context.url or ""):
                st.link_button("Dask's dashboard", one.status.dashboard, icon=":material/monitoring:")
        kept_errors(one.job.id)
        first_failures(one)


def _is_this_machine(url: str) -> bool:
    """Return whether the browser is on this machine, without a login in front: then it can reach the dashboard."""
    who = gate.person()
    host = urlsplit(url).hostname or ""
    if who is None or who.name:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def first_failures(one: Listed) -> None:
    """Draw the first failures of a batch that has no table of all of them yet."""
    failures = one.status.failures
    if not failures:
        return
    n_failed = max(one.status.failed, len(failures))
    with st.expander(f"Failed so far ({n_failed:,})", icon=":material/error:", key=f"batch_failures_{one.job.id}"):
        failures_table(one, failures)
        if n_failed > len(failures):
            st.caption(f"The first {counted(len(failures), 'file')} of this run. The table of files has all of them.")


def failures_table(one: Listed, failures: Iterable[tuple[str, str]]) -> None:
    """Draw files with the reasons why they failed; names begin with the allowed folder that they are in."""
    roots = [Path(root) for root in one.request.roots] if one.request else []
    rows = [(name_below(file, roots), reason) for file, reason in failures]
    height_of_row = row_px((reason for _, reason in rows), _REASON_PX)
    st.dataframe(
        pd.DataFrame(rows, columns=["file", "reason"]),
        hide_index=True,
        height=table_px(len(rows), height_of_row, _TABLE_PX),
        row_height=height_of_row,
        column_config={"file": st.column_config.TextColumn(width=NAME_PX)},
        alt="Files that failed, with the reason",
    )
