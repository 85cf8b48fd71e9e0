"""The Dask profile of deploy/compose.yaml, run without containers: its commands, with the certificates of the docs."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import BrowserType, expect

from fer.paths import CHECKOUT
from tests.support.browser import App, find_browser
from tests.support.builders import portrait_bgr
from tests.support.caddy import wait_until_open
from tests.support.compose import Service, services
from tests.support.deployment import settings
from tests.support.live_driver import PATIENCE_MS
from tests.support.network_namespaces import running
from tests.support.serving import free_port, running_app

pytestmark = pytest.mark.timeout(900)

_BATCH_MS = 600_000
_CERTIFICATES = re.compile(r"```bash\n(openssl req -x509.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Cluster:
    """Where things are without containers: a folder for /tls, /batch, /data and /tmp, and the scheduler's port."""

    folder: Path
    port: int

    def here(self, word: str) -> str:
        """Return a word of compose.yaml with this machine's paths and addresses."""
        word = re.sub(r"(scheduler|0\.0\.0\.0):8786", f"127.0.0.1:{self.port}", word)
        return re.sub(r"(^|=)/(tls|batch|data|tmp)\b", rf"\1{self.folder}/\2", word)

    def words(self, service: Service) -> list[str]:
        program, *rest = [self.here(word) for word in (*service.entrypoint, *service.command)]
        return [sys.executable, *(["-m", "dask"] if program == "dask" else []), *rest]

    def variables(self, service: Service) -> dict[str, str]:
        own = {name: self.here(value) for name, value in service.environment.items() if value}
        return {**os.environ, "PYTHONPATH": str(CHECKOUT), "FER_HOME": str(self.folder / "data"), **own}


@pytest.fixture(scope="module")
def planned() -> dict[str, Service]:
    chosen = {"FER_BATCH_SCHEDULER": "tls://scheduler:8786", "FER_BATCH_ROOTS": "/batch"}
    return services({**settings("serve"), **chosen})


@pytest.fixture(scope="module")
def cluster(planned: dict[str, Service], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Make certificates and photos, and start the scheduler and the worker."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), free_port())
    for name in ("tls", "batch/photos", "data", "tmp"):
        (cluster.folder / name).mkdir(parents=True)
    (commands,) = _CERTIFICATES.findall((CHECKOUT / "docs" / "batch.md").read_text(encoding="utf-8"))
    subprocess.run(["sh", "-ec", commands], cwd=cluster.folder / "tls", check=True, capture_output=True)
    for number in range(6):
        cv2.imwrite(str(cluster.folder / "batch" / "photos" / f"{number}.png"), portrait_bgr())
    with ExitStack() as stack:
        for name in ("scheduler", "worker"):
            log = cluster.folder / f"{name}.log"
            process = stack.enter_context(running(cluster.words(planned[name]), log, cluster.variables(planned[name])))
            wait_until_open(cluster.port, process, log)
        yield cluster


def rows(folders: Sequence[Path]) -> int:
    return sum(pq.read_metadata(part).num_rows for folder in folders for part in (folder / "faces").rglob("*.parquet"))


def test_the_command_of_compose_does_a_batch_over_tls(planned: dict[str, Service], cluster: Cluster) -> None:
    batch = planned["batch"]
    done = subprocess.run(
        [*cluster.words(batch), "photos", "--out", "results"],
        cwd=cluster.here(batch.written["working_dir"]),
        env=cluster.variables(batch),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert rows([cluster.folder / "batch" / "results"]) == 6


def test_the_batch_page_does_one_over_tls_and_links_no_dashboard(
    planned: dict[str, Service], cluster: Cluster, browser_type: BrowserType
) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    variables = cluster.variables(planned["app"])
    asked = {name: value for name, value in variables.items() if name.startswith("FER_BATCH_")}
    with running_app(cluster.folder / "data", cluster.folder / "app.log", asked) as server:
        browser = browser_type.launch(executable_path=find_browser())
        browser_page = browser.new_page()
        browser_page.set_default_timeout(PATIENCE_MS)
        page = App(browser_page, server).open("Batch")
        page.get_by_role("combobox", name="Folders and files").click()
        page.get_by_role("option", name="batch/photos", exact=True).click()
        page.keyboard.press("Escape")
        page.get_by_text("Dask scheduler", exact=True).click()
        expect(page.get_by_role("textbox", name="Address")).to_have_value(f"tls://127.0.0.1:{cluster.port}")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.get_by_text("Analysing batch/photos")).to_be_visible()
        expect(page.get_by_role("link", name="Dask's dashboard")).to_have_count(0)
        expect(page.get_by_role("link", name="Parquet", exact=True)).to_be_visible(timeout=_BATCH_MS)
        assert not server.complaints()
        browser.close()
    assert rows(list((cluster.folder / "data" / "batches").glob("*/results"))) == 6
