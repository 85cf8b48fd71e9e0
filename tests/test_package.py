"""The wheel, installed into a fresh environment outside the checkout, as a user gets it."""

import re
import subprocess
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution
from pathlib import Path

import pytest

import fer
from fer.paths import CHECKOUT
from fer.vision.samples import sample_portrait
from tests.support.installed import Installation, build_wheel, install
from tests.support.serving import free_port, running_command

pytestmark = pytest.mark.slow
# Opens every page as users do, and prints the errors that it shows.
_OPEN_PAGES = """
from unittest import mock
from fer.paths import PROGRAM, home
from streamlit.testing.v1 import AppTest
app = AppTest.from_file(str(PROGRAM / "app.py"), default_timeout=60).run()
pages = sorted(path.relative_to(PROGRAM).as_posix() for path in (PROGRAM / "pages").glob("*.py"))
with mock.patch("streamlit_webrtc.component.get_this_session_info", lambda: None):
    for page in pages:
        app.switch_page(page).run()
        print(page, [error.value for error in app.exception], app.title[0].value)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return install(wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture
def photo(installation: Installation) -> Path:
    file = installation.work / "me.png"
    file.write_bytes(sample_portrait())
    return file


def test_the_wheel_contains_the_program_and_no_state(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tracked = subprocess.run(["git", "ls-files", "fer"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert names >= set(tracked.stdout.split())
    assert {name.split("/")[0] for name in names} == {"fer", f"fer_dashboard-{fer.__version__}.dist-info"}
    dashboard = {name.split("/")[2] for name in names if name.startswith("fer/_dashboard/")}
    assert dashboard == {"app.py", "pages", "model", ".streamlit"}
    assert names >= {f"fer/_dashboard/{file}" for file in ("model/model.onnx", ".streamlit/config.toml")}
    pages = {path.name for path in (CHECKOUT / "pages").glob("*.py")}
    assert {name.rpartition("/")[2] for name in names if name.startswith("fer/_dashboard/pages/")} == pages
    assert not [name for name in names if name.endswith(("secrets.toml", ".pyc"))]


def test_the_metadata_name_the_project_its_version_and_its_extra(installation: Installation) -> None:
    (found,) = installation.environment.glob("[Ll]ib/**/fer_dashboard-*.dist-info")
    metadata = Distribution.at(found)
    assert (metadata.name, metadata.version) == ("fer-dashboard", fer.__version__)
    needs = metadata.requires or []
    assert any(re.match(r"streamlit[<>]", need) for need in needs)
    training = [need for need in needs if need.endswith("extra == 'training'")]
    assert {re.split(r"[<>=]", need)[0] for need in training} == {"tensorflow", "keras", "tf2onnx"}


def test_the_library_is_the_installed_one_and_state_goes_to_the_users_folder(installation: Installation) -> None:
    code = "import fer, fer.paths as p; print(fer.__file__); print(p.home()); print(p.SHIPPED_BUNDLE)"
    done = installation.run(installation.python, "-c", code)
    package, home, model = map(Path, done.stdout.splitlines())
    assert package.is_relative_to(installation.environment), done.stderr
    assert model.is_relative_to(installation.environment)
    assert home.name == "fer-dashboard" and home.is_relative_to(installation.work.parent / "home")


@pytest.mark.parametrize("by_module", [True, False])
def test_the_command_finds_the_face(by_module: bool, installation: Installation, photo: Path) -> None:
    command = [installation.python, "-m", "fer"] if by_module else [installation.fer]
    done = installation.run(*command, "analyze", photo.name)
    assert done.returncode == 0, done.stderr
    assert "happy" in done.stdout and "1 photo, 1 face" in done.stderr


def test_the_library_finds_the_face(installation: Installation, photo: Path) -> None:
    code = f"import fer; face, = fer.analyze({photo.name!r}).faces; print(face.looks)"
    done = installation.run(installation.python, "-c", code)
    assert done.stdout.strip() == "looks happy", done.stderr


def test_every_page_opens(installation: Installation) -> None:
    done = installation.run(installation.python, "-c", _OPEN_PAGES, timeout=170)
    pages = sorted(path.name for path in (CHECKOUT / "pages").glob("*.py"))
    expected = [f"pages/{page} [] {page.partition('_')[2].removesuffix('.py')}" for page in pages]
    assert done.stdout.splitlines() == expected, done.stderr


@pytest.fixture
def log(installation: Installation, tmp_path: Path) -> Iterator[Path]:
    """Start `fer app` in an empty folder, wait until it answers, and return its log."""
    port, log = free_port(), tmp_path / "log.txt"
    command = [installation.fer, "app", "--no-browser", f"--port={port}"]
    with running_command(command, installation.work, installation.variables, port, log):
        yield log


def test_fer_app_answers_from_any_folder_with_the_dashboards_settings(log: Path) -> None:
    text = log.read_text(encoding="utf-8")
    # Without .streamlit/config.toml it would listen on every address and send statistics.
    assert "http://127.0.0.1" in text
    assert "Network URL" not in text and "statistics" not in text
