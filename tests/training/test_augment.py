"""Augmentation: each transform on its own, and all of them from one random state."""

from collections import Counter
from typing import Any

import cv2
import numpy as np
import pytest

from fer.runs.config import TrainConfig
from fer.training.augment import Augmenter

NONE: dict[str, Any] = {
    "flip": False,
    **dict.fromkeys(("rotation_degrees", "scale", "shift", "light", "studio", "degradation", "erasing"), 0.0),
}


def augmenter(**changes: float | bool) -> Augmenter:
    return Augmenter(**{**NONE, **changes})


@pytest.fixture
def faces() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 48, 48), dtype=np.uint8)


def test_without_settings_images_are_unchanged(faces):
    np.testing.assert_array_equal(augmenter()(faces, np.random.default_rng(1)), faces)


def test_flip_mirrors_about_half_of_the_images(faces):
    changed = augmenter(flip=True)(faces, np.random.default_rng(1))
    mirrored = [np.array_equal(new, old[:, ::-1]) for new, old in zip(changed, faces, strict=True)]
    untouched = [np.array_equal(new, old) for new, old in zip(changed, faces, strict=True)]
    assert all(a != b for a, b in zip(mirrored, untouched, strict=True))
    assert 10 <= sum(mirrored) <= 30


def test_shift_moves_by_at_most_its_share_and_replicates_the_border():
    ramp = np.tile(np.arange(48, dtype=np.uint8) * 5, (1, 48, 1))
    for seed in range(20):
        moved = augmenter(shift=0.1)(ramp, np.random.default_rng(seed))[0].astype(float)
        assert np.abs(moved - ramp[0]).max() <= 0.1 * 48 * 5 + 1
        assert np.all(np.diff(moved, axis=1) >= 0)  # no dark border, which would break the ramp


def test_scale_keeps_the_centre():
    dot = np.zeros((1, 48, 48), np.uint8)
    dot[0, 22:26, 22:26] = 255
    for seed in range(10):
        scaled = augmenter(scale=0.2)(dot, np.random.default_rng(seed))[0]
        rows, columns = np.nonzero(scaled > 64)
        assert rows.mean() == pytest.approx(23.5, abs=0.6)
        assert columns.mean() == pytest.approx(23.5, abs=0.6)


def test_brightness_and_contrast_keep_the_order_of_grey_levels(faces):
    for seed in range(10):
        lit = augmenter(light=0.5)(faces[:1], np.random.default_rng(seed))[0]
        order = np.argsort(faces[0], axis=None, kind="stable")
        assert np.all(np.diff(lit.ravel()[order].astype(int)) >= 0)


def test_erasing_hides_one_rectangle_of_at_most_a_fifth(faces):
    for seed in range(20):
        changed = augmenter(erasing=1.0)(faces[:1], np.random.default_rng(seed))[0] != faces[0]
        assert 0 < changed.mean() <= 0.22
        rows, columns = np.nonzero(changed)
        assert changed.mean() >= 0.9 * np.ptp(rows) * np.ptp(columns) / 48**2


def test_degradation_imitates_a_poor_camera_in_four_ways_and_keeps_the_brightness(monkeypatch):
    used: Counter[str] = Counter()
    for name in ("GaussianBlur", "resize", "imencode"):
        real = getattr(cv2, name)
        monkeypatch.setattr(cv2, name, lambda *a, name=name, real=real, **k: used.update([name]) or real(*a, **k))
    stripes = np.add.outer(np.arange(48), np.arange(48)) // 6 % 2
    face = (60 + np.add.outer(np.arange(48), np.arange(48)) + 40 * stripes).astype(np.uint8)
    changed = [
        augmenter(degradation=1.0)(face[None], np.random.default_rng(seed))[0].astype(float) for seed in range(60)
    ]
    # One way per image; shrinking and enlarging are two calls.
    ways = Counter(blur=used["GaussianBlur"], small=used["resize"] // 2, jpeg=used["imencode"])
    ways["noise"] = 60 - ways.total()
    assert min(ways.values()) >= 5
    for image in changed:
        assert 0 < np.abs(image - face).mean() < 25
        assert abs(image.mean() - face.mean()) < 3
    rough = [np.abs(np.diff(image)).mean() / np.abs(np.diff(face.astype(float))).mean() for image in changed]
    assert sum(value < 0.8 for value in rough) >= 10, "blur and few pixels take detail away"
    assert sum(value > 1.1 for value in rough) >= 5, "noise adds some"


def test_studio_sharpens_or_evens_the_light_and_keeps_the_expression_in_place(monkeypatch):
    used: Counter[str] = Counter()
    for name in ("addWeighted", "createCLAHE"):
        real = getattr(cv2, name)
        monkeypatch.setattr(cv2, name, lambda *a, name=name, real=real, **k: used.update([name]) or real(*a, **k))
    soft = cv2.GaussianBlur((np.add.outer(np.arange(48), np.arange(48)) // 6 % 2 * 60 + 80).astype(np.uint8), (0, 0), 1)
    changed = [augmenter(studio=1.0)(soft[None], np.random.default_rng(seed))[0] for seed in range(60)]
    ways = Counter(sharp=used["addWeighted"], evened=used["createCLAHE"], stretched=60 - used.total())
    assert min(ways.values()) >= 10
    for image in changed:
        assert image.std() > soft.std(), "every way adds contrast"
        assert np.corrcoef(image.ravel(), soft.ravel())[0, 1] > 0.9
    flat = np.full((1, 48, 48), 128, np.uint8)
    for seed in range(20):
        assert np.ptp(augmenter(studio=1.0)(flat, np.random.default_rng(seed))) == 0, "an even image stays even"


def test_studio_has_the_given_frequency(faces):
    changed = augmenter(studio=0.4)(faces, np.random.default_rng(2))
    assert 8 <= (changed != faces).any(axis=(1, 2)).sum() <= 24


def test_degradation_has_the_given_frequency(faces):
    changed = augmenter(degradation=0.4)(faces, np.random.default_rng(2))
    assert 8 <= (changed != faces).any(axis=(1, 2)).sum() <= 24


def test_same_random_state_gives_the_same_images_and_another_gives_others(faces):
    augment = Augmenter.from_config(TrainConfig())
    first, again, other = (augment(faces, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.5
