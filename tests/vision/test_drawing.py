import numpy as np
import pytest

from fer.emotions import EMOTION_COLORS, EMOTIONS
from fer.results import Face
from fer.vision.drawing import annotate, color_bgr, draw_box

GRAY = 40


def face(
    box: tuple[int, int, int, int], emotion: str = "happy", confidence: float = 0.88, confidence_threshold=0.0
) -> Face:
    probabilities = np.full(7, (1 - confidence) / 6, np.float32)
    probabilities[EMOTIONS.index(emotion)] = confidence
    return Face(box, probabilities, confidence_threshold)


def blank(height: int = 300, width: int = 400) -> np.ndarray:
    return np.full((height, width, 3), GRAY, np.uint8)


def changed(scene: np.ndarray) -> np.ndarray:
    return (scene != GRAY).any(axis=2)


def boxes_only(image: np.ndarray, faces: list[Face]) -> np.ndarray:
    """Draw the boxes of faces without labels."""
    scene = image.copy()
    for each in faces:
        draw_box(scene, each.box_xywh, color_bgr(each.emotion))
    return scene


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_box_has_the_colour_of_its_class_in_bgr(emotion: str) -> None:
    scene = boxes_only(blank(), [face((100, 120, 80, 90), emotion)])
    red, green, blue = bytes.fromhex(EMOTION_COLORS[emotion].lstrip("#"))
    assert color_bgr(emotion) == (blue, green, red)
    for x, y in ((100, 160), (180, 160), (140, 120), (140, 210)):
        assert scene[y, x].tolist() == [blue, green, red]
    assert not changed(scene)[130:200, 110:170].any(), "the face itself stays free"


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


def test_not_sure_is_grey_and_names_no_class() -> None:
    unsure = annotate(blank(), [face((100, 120, 80, 90), "happy", 0.5, confidence_threshold=0.6)])
    b, g, r = unsure[160, 100].tolist()
    assert b == g == r
    other = annotate(blank(), [face((100, 120, 80, 90), "sad", 0.45, confidence_threshold=0.6)])
    np.testing.assert_array_equal(unsure, other)


def test_labels_tell_class_and_confidence() -> None:
    image, box = blank(), (100, 120, 80, 90)
    high = annotate(image, [face(box, "happy", 0.88)])
    low = annotate(image, [face(box, "happy", 0.41)])
    without = boxes_only(image, [face(box)])
    assert changed(high)[:115].any() and not changed(without)[:115].any()
    assert (high[:115] != low[:115]).any() and np.array_equal(high[125:], low[125:])


def test_lines_and_letters_scale_with_the_image() -> None:
    def heights(side: int) -> tuple[int, int]:
        scene = changed(annotate(blank(side, side), [face((side // 2, side // 2, side // 4, side // 4))]))
        label = int(scene[: side // 2 - side // 100, side // 2 + side // 50].sum())
        line = int(scene[side // 2 + side // 8, : side // 2 + side // 8].sum())
        return label, line

    (small_label, small_line), (large_label, large_line) = heights(1000), heights(4000)
    assert large_label == pytest.approx(4 * small_label, rel=0.25)
    assert large_line >= 3 * small_line


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
def test_boxes_over_the_edge_are_drawn_as_far_as_they_go(box) -> None:
    scene = annotate(blank(), [face(box)])
    assert scene.shape == (300, 400, 3)
    if box[0] > -900:
        assert changed(scene).any()


@pytest.mark.parametrize("box", [(150, 0, 60, 60), (150, 4, 60, 60), (395, 100, 60, 60)])
def test_a_label_keeps_within_the_picture(box) -> None:
    room = changed(annotate(blank(), [face((150, 150, 60, 60))])) & ~changed(
        boxes_only(blank(), [face((150, 150, 60, 60))])
    )
    moved = changed(annotate(blank(), [face(box)])) & ~changed(boxes_only(blank(), [face(box)]))
    assert moved.sum() == pytest.approx(room.sum(), rel=0.25)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (12, 16)])
def test_tiny_and_long_pictures(shape) -> None:
    assert annotate(blank(*shape), [face((0, 0, 1, 1)), face((0, 0, *shape[::-1]))]).shape == (*shape, 3)
