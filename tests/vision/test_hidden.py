"""What the network that recognises hidden halves sees of a face, and that it is used as it was fitted."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fer.datasets.synthetic import make_synthetic
from fer.evaluation.robustness import COVERS, LOWER_COVERS, corrupt
from fer.vision.hidden import hidden, inputs, network
from fer.vision.quality import MEASURES, measure
from scripts import fit_hidden

NAMES = [item.name for item in MEASURES]


def cells_of(image: np.ndarray) -> np.ndarray:
    """Return what the network sees of the cells of an image (48, 48), (4, 4, 5)."""
    zeros = np.zeros(1, np.float32)
    seen = inputs(image[None].astype(np.float32), zeros, zeros)
    assert seen.shape == (1, 82) and seen.dtype == np.float32
    return seen[0, :80].reshape(4, 4, 5)


def test_the_cells_say_how_strong_edges_are_and_in_which_direction_they_run() -> None:
    rows, columns = np.mgrid[:48, :48]
    image = np.full((48, 48), 100)
    image[:24, :24] += 20 * (columns[:24, :24] // 2 % 2)
    image[24:, 24:] += 20 * ((rows + columns)[24:, 24:] // 2 % 2)
    strength, direction, slope, _, brightness = np.moveaxis(cells_of(image), -1, 0)
    assert strength[:2, :2].min() > strength[:2, 2:].max() + 1
    # Steps to the right only; then as many to the right as down, and both at once.
    assert direction[0, 0] > 0.9 and abs(slope[0, 0]) < 0.1
    assert abs(direction[3, 3]) < 0.1 and slope[3, 3] > 0.4
    assert brightness[0, 0] > 0 > brightness[0, 3] and brightness.mean() == pytest.approx(0, abs=1e-6)


def test_coarse_texture_is_told_from_fine() -> None:
    columns = np.mgrid[:48, :48][1]
    fine, coarse = (100 + 40 * (columns // width % 2) for width in (1, 6))
    assert cells_of(coarse)[1, 1, 3] > cells_of(fine)[1, 1, 3] + 1


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_flat_face_has_a_finite_measure_within_bounds(grey: int) -> None:
    (value,) = measure(np.full((1, 48, 48), grey, np.uint8))[:, NAMES.index("hidden")]
    assert -15 <= value <= 15


def test_the_fitted_network_is_the_one_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_hidden, "UNDER_EACH_COVER", 60)
    monkeypatch.setattr(fit_hidden, "UNDER_EACH_FAULT", 4)
    faces = make_synthetic(60, seed=3).split("train")
    weights = fit_hidden.fit(faces)
    assert [np.shape(value) for value in weights] == [(82, 16), (16,), (16,), ()]
    monkeypatch.setattr("fer.vision.hidden.network", lambda: weights)

    def of(images: np.ndarray) -> np.ndarray:
        values = measure(images)
        cover, blocks = values[:, NAMES.index("cover")], values[:, NAMES.index("blocks")]
        direct = hidden(images.astype(np.float32), cover, blocks)
        assert values[:, NAMES.index("hidden")] == pytest.approx(direct)
        return direct

    clean = of(faces.images)
    for item in (*COVERS, *LOWER_COVERS):
        assert np.median(of(corrupt(faces, item).images)) > np.median(clean) + 2, item.name


def test_no_faces_have_no_measure() -> None:
    none = np.zeros(0, np.float32)
    values = hidden(np.zeros((0, 48, 48), np.float32), none, none)
    assert values.shape == (0,) and values.dtype == np.float32


@pytest.fixture
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the network be written to and read from a file of the test."""
    for module in ("scripts.fit_hidden", "fer.vision.hidden"):
        monkeypatch.setattr(f"{module}.FILE", tmp_path / "hidden.npz")
    yield
    network.cache_clear()


@pytest.mark.usefixtures("own_file")
def test_what_is_written_is_used_at_once() -> None:
    faces = make_synthetic(2, seed=3).split("train").images
    for offset in (2.0, -3.0):
        fit_hidden.write(np.zeros((82, 1)), np.zeros(1), np.zeros(1), np.float32(offset))
        assert fit_hidden.hidden_of(faces).tolist() == [offset] * len(faces)
