from dataclasses import replace

import numpy as np
import pytest

from fer.emotions import EMOTION_COLORS, EMOTIONS
from fer.results import Face, Pose
from fer.vision.annotation import annotate, annotated_view, face_view

GRAY = 40


def face(
    box: tuple[int, int, int, int], emotion: str = "happy", confidence: float = 0.88, confidence_threshold: float = 0.0
) -> Face:
    probabilities = np.full(7, (1 - confidence) / 6, np.float32)
    probabilities[EMOTIONS.index(emotion)] = confidence
    return Face(box, probabilities, confidence_threshold)


def blank(height: int = 300, width: int = 400, gray: int = GRAY) -> np.ndarray:
    return np.full((height, width, 3), gray, np.uint8)


def changed(scene: np.ndarray) -> np.ndarray:
    return (scene != GRAY).any(axis=2)


def test_the_image_given_stays_as_it_was() -> None:
    image = blank()
    image.setflags(write=False)
    scene = annotate(image, [face((10, 50, 60, 60))])
    assert changed(scene).any() and not changed(image).any()
    assert scene.shape == image.shape and scene.dtype == np.uint8


def test_nothing_to_draw_is_a_copy() -> None:
    image = blank()
    scene = annotate(image, [])
    assert scene is not image and np.array_equal(scene, image)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_box_has_the_colour_of_its_class(emotion: str) -> None:
    scene = annotate(blank(), [face((100, 120, 80, 90), emotion)])
    red, green, blue = bytes.fromhex(EMOTION_COLORS[emotion].lstrip("#"))
    for x, y in ((100, 160), (180, 160), (140, 210)):
        assert scene[y, x].tolist() == [blue, green, red]
    assert not changed(scene)[135:200, 115:165].any(), "the face itself stays free"


def test_not_sure_names_no_class() -> None:
    box = (100, 120, 80, 90)
    unsure, other = (annotate(blank(), [face(box, name, 0.45, 0.6)]) for name in ("happy", "sad"))
    np.testing.assert_array_equal(unsure, other)


@pytest.mark.parametrize("gray", [0, 60, 128, 150, 200, 255])
def test_the_box_of_not_sure_is_seen_on_any_grey(gray: int) -> None:
    scene = annotate(blank(gray=gray), [face((100, 120, 80, 90), confidence=0.3, confidence_threshold=0.6)])
    across = scene[165, 90:190].astype(int).max(axis=1)
    assert abs(across - gray).max() >= 120 and (across != gray).sum() >= 2


def test_labels_tell_class_and_confidence() -> None:
    image, box = blank(), (100, 120, 80, 90)
    high, low = annotate(image, [face(box, confidence=0.88)]), annotate(image, [face(box, confidence=0.41)])
    assert changed(high)[:115].any()
    assert (high[:115] != low[:115]).any() and np.array_equal(high[125:], low[125:])


def test_faces_are_numbered_where_there_are_several() -> None:
    box, other = (60, 100, 80, 90), (260, 100, 80, 90)
    alone = annotate(blank(), [face(box)])
    first = annotate(blank(), [face(box), face(other)])
    second = annotate(blank(), [face(other), face(box)])
    left = np.s_[:95, :180]
    assert not np.array_equal(alone[left], first[left]) and not np.array_equal(first[left], second[left])


def test_lines_and_letters_scale_with_the_image() -> None:
    def heights(side: int) -> tuple[int, int]:
        scene = changed(annotate(blank(side, side), [face((side // 2, side // 2, side // 4, side // 4))]))
        label = int(scene[: side // 2 - side // 100, side // 2 + side // 50].sum())
        line = int(scene[side // 2 + side // 8, : side // 2 + side // 8].sum())
        return label, line

    (small_label, small_line), (large_label, large_line) = heights(1000), heights(4000)
    assert large_label == pytest.approx(4 * small_label, rel=0.25)
    assert large_line == pytest.approx(4 * small_line, rel=0.35)


@pytest.mark.parametrize("size", [(200, 150), (640, 480), (4000, 3000), (3000, 4000)])
def test_a_view_has_one_size_and_equal_letters(size: tuple[int, int]) -> None:
    width, height = size
    box = (width // 4, height // 2, width // 5, width // 5)
    view = annotated_view(blank(height, width), [face(box)], 1000)
    assert max(view.shape[:2]) == 1000
    shown_width = view.shape[1]
    label = changed(view)[: view.shape[0] // 2 - 10, shown_width // 4 + 20].sum()
    assert label == pytest.approx(shown_width / 32 * 1.6, rel=0.35)


@pytest.mark.parametrize(
    "box",
    [
        (-30, -30, 80, 80),
        (370, 270, 80, 80),
        (0, 0, 400, 300),
        (5, 0, 50, 50),
        (395, 100, 300, 60),
        (-900, -900, 50, 50),
    ],
)
def test_boxes_over_the_edge_are_drawn_as_far_as_they_go(box: tuple[int, int, int, int]) -> None:
    scene = annotate(blank(), [face(box)])
    assert scene.shape == (300, 400, 3)
    assert changed(scene).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (12, 16)])
def test_tiny_and_long_pictures(shape: tuple[int, int]) -> None:
    faces = [face((0, 0, 1, 1)), face((0, 0, *shape[::-1]))]
    assert annotate(blank(*shape), faces).shape == (*shape, 3)
    assert max(annotated_view(blank(*shape), faces, 300).shape) == 300


@pytest.mark.parametrize("quarters", range(4))
def test_the_picture_of_a_face_shows_its_head_upright(quarters: int) -> None:
    image = blank(300, 300)
    image[100:140, 100:180] = 250  # the upper half of a face of 80 x 80 pixels
    turned = np.ascontiguousarray(np.rot90(image, -quarters))
    x, y = {0: (100, 100), 1: (120, 100), 2: (120, 120), 3: (100, 120)}[quarters]
    one = replace(face((x, y, 80, 80)), pose=Pose(0, 0, (0, 90, 180, -90)[quarters]))
    view = face_view(turned, one, 60)
    assert view.shape == (60, 60, 3)
    assert (view[14:26, 14:46] > 200).all() and (view[34:, :] < 60).all()


def test_the_picture_of_a_face_at_the_edge_stays_inside_and_is_never_enlarged() -> None:
    assert face_view(blank(100, 100), face((-20, 60, 40, 40)), 60).shape == (50, 30, 3)
    tilted = replace(face((-20, 60, 40, 40)), pose=Pose(0, 0, 90))
    assert face_view(blank(100, 100), tilted, 220).shape == (60, 60, 3)
