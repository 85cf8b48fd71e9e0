"""The container image without TensorFlow: its size, its user, and what works in it."""

from pathlib import Path

import pytest

from fer.text import MB
from tests.support.images import Image, built_image

_LARGEST_BYTES = 1200 * 10**6


@pytest.fixture(scope="module")
def image(image_folder: Path) -> Image:
    return built_image(image_folder, "serve")


@pytest.mark.timeout(5400)  # the build
def test_the_image_is_small_and_names_a_health_check(image: Image) -> None:
    assert 300 * MB < image.size_bytes() < _LARGEST_BYTES
    settings = image.settings()
    assert settings["User"] == "10001:10001"
    assert "/_stcore/health" in " ".join(settings["Healthcheck"]["Test"])


def test_it_runs_without_root_and_can_write_only_its_state(image: Image) -> None:
    assert image.run("id", "-u") == "10001"
    writable = "find / -xdev -type d -writable -not -path '/proc/*' -not -path '/dev/*' 2>/dev/null; true"
    folders = image.run("sh", "-c", writable).split()
    assert {folder for folder in folders if not folder.startswith(("/data", "/tmp", "/var/tmp", "/run/lock"))} == set()


def test_it_finds_a_face_and_has_no_tensorflow(image: Image) -> None:
    sample = "from fer.vision.samples import sample_portrait; open('/tmp/a.jpg', 'wb').write(sample_portrait())"
    image.run("python3", "-c", sample)
    assert "happy" in image.run("python3", "-m", "fer", "analyze", "/tmp/a.jpg")
    found = image.run("python3", "-c", "import importlib.util as u; print(u.find_spec('tensorflow'))")
    assert found == "None"


def test_no_package_that_the_pages_import_was_trimmed_away(image: Image) -> None:
    modules = "import pkgutil, importlib, fer; [importlib.import_module(m.name) for m in pkgutil.walk_packages("
    skipped = "fer.__path__, 'fer.') if not m.name.startswith(('fer.training', 'fer.__main__'))]; print('all')"
    assert image.run("python3", "-c", modules + skipped).endswith("all")
