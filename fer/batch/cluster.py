"""Dask's workers: processes of this machine, or a scheduler that someone has started."""

import hashlib
import importlib.util
import logging
import signal
import tempfile
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import dask.config
from distributed import Client, LocalCluster, Security, WorkerPlugin

from fer.errors import BatchError

_HERE: Final = "127.0.0.1"
_OWN_MACHINE: Final = (_HERE, "localhost", "::1")
_CONNECT_SECONDS: Final = 30
_DASHBOARD_SECONDS: Final = 3


@dataclass(frozen=True)
class Workers:
    """Which workers to use.

    Attributes:
        number: of processes on this machine; None for one per core. It doesn't matter with a scheduler.
        scheduler: the address of a scheduler, such as 'tls://host:8786'; None for workers of this machine.
        tls: the files 'ca', 'cert' and 'key' (PEM) for the scheduler; Dask's own settings apply where one is missing.
    """

    number: int | None = None
    scheduler: str | None = None
    tls: Mapping[str, str] = field(default_factory=dict)


class _Prepare(WorkerPlugin):  # type: ignore[misc]
    """Give each worker the model, also those that join later: they may share nothing but the output."""

    idempotent = False

    def __init__(self, files: Mapping[str, bytes], *, ours: bool) -> None:
        # Of the model, because a scheduler passes on one plugin of a name: batches with other models may run, too.
        self.name = f"fer-batch-{hashlib.sha256(b''.join(files.values())).hexdigest()}"
        self._files, self._ours = files, ours

    def setup(self, worker: Any) -> None:
        """Write the model's files to the worker's own folder."""
        if self._ours:
            # Ctrl+C in a terminal reaches these processes, too. The client ends them.
            with suppress(ValueError):
                signal.signal(signal.SIGINT, signal.SIG_IGN)
        if self._files:
            # A worker of tests needs none of this, and takes seconds less to start.
            import cv2

            from fer.batch.analysis import install_bundle

            cv2.setNumThreads(1)
            folder = Path(tempfile.mkdtemp(prefix="model-", dir=worker.local_directory))
            for name, data in self._files.items():
                (folder / name).write_bytes(data)
            install_bundle(folder)


class _Client(Client):  # type: ignore[misc]
    """A client that is closed if it can't connect. Dask's is closed when the program ends, and fails after a minute."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        try:
            super().__init__(*arguments, **options)
        except BaseException:
            self.close()
            raise


@contextmanager
def connected(workers: Workers, model: Mapping[str, bytes]) -> Iterator[tuple[Client, str | None]]:
    """Yield a client of workers that have a model, and the address of Dask's dashboard, if there is one.

    Workers of this machine listen on 127.0.0.1 with a certificate made for this batch, as anyone who could connect to
    them could run programs as their user. They end with this process, however it ends.

    Args:
        workers: which workers.
        model: the files of the model's bundle; none for a stand-in.

    Raises:
        BatchError: the scheduler can't be reached, or no worker can be started.
    """
    preparation = _Prepare(model, ours=workers.scheduler is None)
    starting = _own(workers.number) if workers.scheduler is None else _remote(workers.scheduler, workers.tls)
    with starting as (client, dashboard):
        with _interrupted_later():
            client.register_plugin(preparation)
        yield client, dashboard


@contextmanager
def _own(number: int | None) -> Iterator[tuple[Client, str | None]]:
    has_dashboard = importlib.util.find_spec("bokeh") is not None
    settings: dict[str, Any] = {
        # The client counts the deaths of workers and decides what happens: see `fer.batch.engine`.
        "distributed.scheduler.allowed-failures": 0,
        # Otherwise a worker that isn't there at one look, 15 s after a death, is never started again.
        "distributed.deploy.lost-worker-timeout": "365 days",
        # Dask does the same for the libraries of numpy.
        "distributed.nanny.pre-spawn-environ.OPENCV_FOR_THREADS_NUM": 1,
        "distributed.worker.http.routes": [],
    }
    if not has_dashboard:
        settings["distributed.scheduler.http.routes"] = []
    with (
        tempfile.TemporaryDirectory(prefix="fer-batch-", ignore_cleanup_errors=True) as folder,
        dask.config.set(settings),
    ):
        try:
            with _interrupted_later():
                cluster = LocalCluster(
                    n_workers=number,
                    threads_per_worker=1,
                    host=_HERE,
                    protocol="tls://",
                    security=Security.temporary(),
                    dashboard_address=f"{_HERE}:0",
                    local_directory=folder,
                    silence_logs=logging.CRITICAL,
                )
        except (OSError, RuntimeError, TimeoutError) as error:
            raise BatchError(f"No worker could be started ({error}). Try fewer: --workers 1.") from error
        with cluster, Client(cluster, set_as_default=False) as client:
            yield client, cluster.dashboard_link if has_dashboard else None


@contextmanager
def _interrupted_later() -> Iterator[None]:
    """Put Ctrl+C off until the block ends: Dask doesn't close cleanly what has started halfway.

    Where signals can be blocked, workers inherit that. Otherwise, one that is just starting ends with a traceback.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    can_block = hasattr(signal, "pthread_sigmask")
    if can_block:
        # Starting it later would unblock the signal.
        resource_tracker.ensure_running()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if can_block:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
        if pressed:
            raise KeyboardInterrupt


@contextmanager
def _remote(address: str, tls: Mapping[str, str]) -> Iterator[tuple[Client, str | None]]:
    parts = urlsplit(address)
    if parts.scheme not in ("tls", "tcp") or not parts.hostname:
        raise BatchError(f"'{address}' isn't a scheduler's address; expected tls://HOST:8786.")
    if parts.scheme == "tcp" and parts.hostname not in _OWN_MACHINE:
        raise BatchError(
            f"'{address}' has no encryption: whoever can reach it can run programs on all workers. Start the scheduler "
            "with certificates and use tls://; docs/batch.md says how."
        )
    try:
        files = {"tls_ca_file": tls.get("ca"), "tls_client_cert": tls.get("cert"), "tls_client_key": tls.get("key")}
        security = Security(**{name: file for name, file in files.items() if file})
        if parts.scheme == "tls" and security.get_connection_args("client").get("ssl_context") is None:
            raise BatchError(f"'{address}' needs certificates; add --tls-ca, --tls-cert and --tls-key.")
        client = _Client(address, security=security, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise BatchError(
            f"The scheduler at {address} can't be reached ({error}). Check that it runs, and the files of --tls-ca, "
            "--tls-cert and --tls-key."
        ) from error
    with client:
        yield client, _dashboard(client)


def _dashboard(client: Client) -> str | None:
    """Return the address of the dashboard of someone's scheduler; None if there is none, or nothing answers there."""
    try:
        link = str(client.dashboard_link)
        # A scheduler without a dashboard, or without bokeh, answers 404. Proxies for the internet don't lead to it.
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(link, timeout=_DASHBOARD_SECONDS).close()
    except (KeyError, OSError, ValueError, HTTPException):
        return None
    return link
