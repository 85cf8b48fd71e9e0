"""Looks: alike for one head, less so for two."""

import numpy as np

from fer.vision.looks import looks_of
from tests.support.builders import portrait_bgr


def test_a_head_looks_alike_where_it_moves_and_in_other_light() -> None:
    portrait = portrait_bgr()
    height, width = portrait.shape[:2]
    frame = np.full((height + 40, width + 60, 3), 90, np.uint8)
    frame[20 : 20 + height, 30 : 30 + width] = portrait
    box = np.array([0.35 * width, 0.13 * height, 0.2 * width, 0.25 * height])
    (look,) = looks_of(portrait, [box])
    assert np.isclose(np.linalg.norm(look), 1, atol=1e-5)
    (moved,) = looks_of(frame, [np.add(box, (32, 21, 0, 0))])
    (darker,) = looks_of((portrait * 0.8).astype(np.uint8), [box])
    (other,) = looks_of(portrait[:, ::-1, [1, 2, 0]], [(0.45 * width, *box[1:])])
    assert look @ moved > 0.9 and look @ darker > 0.9
    assert look @ other < 0.3


def test_nobody_has_no_looks_and_a_flat_face_no_nan() -> None:
    flat = np.full((40, 40, 3), 128, np.uint8)
    assert looks_of(flat, np.empty((0, 4))).shape == (0, 192)
    assert np.isfinite(looks_of(flat, [(0, 0, 20, 20)])).all()
