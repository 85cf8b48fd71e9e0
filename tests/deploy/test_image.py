"""The container image without TensorFlow: its size, its user, and what works in it."""

import json
from collections.abc import Iterator

import pytest

from fer.text import MB
from tests.support.images import Image, built_image

_LARGEST_BYTES = 1200 * 10**6


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    with built_image(tmp_path_factory.mktemp("image"), "serve") as image:
        yield image


@pytest.fixture(scope="module")
def container(image: Image) -> str:
    return image.buildah("from", "localhost/fer")


@pytest.mark.timeout(1500)  # the build
def test_the_image_is_small_and_names_a_health_check(image: Image) -> None:
    (about,) = json.loads(image.buildah("images", "--json", "localhost/fer"))
    unit = {"MB": 10**6, "GB": 10**9}
    number, name = about["size"].split()
    assert 300 * MB < float(number) * unit[name] < _LARGEST_BYTES
    described = json.loads(image.buildah("inspect", "--type", "image", "localhost/fer"))
    assert described["Docker"]["config"]["User"] == "10001:10001"
    assert "/_stcore/health" in " ".join(described["Docker"]["config"]["Healthcheck"]["Test"])


def test_it_runs_without_root_and_can_write_only_its_state(image: Image, container: str) -> None:
    assert image.run(container, "id", "-u") == "10001"
    writable = "find / -xdev -type d -writable -not -path '/proc/*' -not -path '/dev/*' 2>/dev/null; true"
    folders = image.run(container, "sh", "-c", writable).split()
    assert {folder for folder in folders if not folder.startswith(("/data", "/tmp", "/var/tmp", "/run/lock"))} == set()


def test_it_finds_a_face_and_has_no_tensorflow(image: Image, container: str) -> None:
    sample = "from fer.vision.samples import sample_portrait; open('/tmp/a.jpg', 'wb').write(sample_portrait())"
    image.run(container, "python3", "-c", sample)
    assert "happy" in image.run(container, "python3", "-m", "fer", "analyze", "/tmp/a.jpg")
    found = image.run(container, "python3", "-c", "import importlib.util as u; print(u.find_spec('tensorflow'))")
    assert found == "None"


def test_no_package_that_the_pages_import_was_trimmed_away(image: Image, container: str) -> None:
    modules = "import pkgutil, importlib, fer; [importlib.import_module(m.name) for m in pkgutil.walk_packages("
    skipped = "fer.__path__, 'fer.') if not m.name.startswith(('fer.training', 'fer.__main__'))]; print('all')"
    assert image.run(container, "python3", "-c", modules + skipped).endswith("all")
