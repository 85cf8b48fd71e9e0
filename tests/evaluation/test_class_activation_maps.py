"""Evidence maps and their overlay."""

import numpy as np

from fer.emotions import N_EMOTIONS
from fer.evaluation.class_activation_maps import evidence, overlay


def maps(label: int, row: int, column: int) -> np.ndarray:
    values = np.zeros((6, 6, N_EMOTIONS), np.float32)
    values[row, column, label] = 3.0
    return values


def test_evidence_is_where_the_class_stands_out() -> None:
    heat = evidence(maps(2, 4, 1), 2)
    assert heat[4, 1] == 1
    assert heat.sum() == 1


def test_activation_shared_by_all_classes_is_no_evidence() -> None:
    shared = np.full((6, 6, 1), 7.0) * np.random.default_rng(0).random((6, 6, 1))
    assert np.allclose(evidence(maps(2, 4, 1) + shared, 2), evidence(maps(2, 4, 1), 2), atol=1e-6)
    assert not evidence(np.ones((6, 6, N_EMOTIONS)), 0).any()


def test_activation_of_another_class_is_no_evidence() -> None:
    assert evidence(maps(2, 4, 1), 3)[4, 1] == 0


def test_the_overlay_glows_at_its_place_and_leaves_the_rest() -> None:
    face = np.full((48, 48), 100, np.uint8)
    picture = overlay(face, evidence(maps(2, 4, 1), 2), side=96)
    assert picture.shape == (96, 96, 3)
    colour = np.ptp(picture.astype(int), axis=2)
    assert np.unravel_index(colour.argmax(), colour.shape)[0] // 16 == 4
    assert np.unravel_index(colour.argmax(), colour.shape)[1] // 16 == 1
    assert (picture[:40, 60:] == 100).all()
