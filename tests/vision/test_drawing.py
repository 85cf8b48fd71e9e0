import numpy as np
import pytest

from fer.emotions import EMOTION_COLORS, EMOTIONS
from fer.vision.drawing import color_bgr, draw_box, draw_label

GRAY = 40


def blank(height: int = 300, width: int = 400) -> np.ndarray:
    return np.full((height, width, 3), GRAY, np.uint8)


def changed(scene: np.ndarray) -> np.ndarray:
    return (scene != GRAY).any(axis=2)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_box_has_the_colour_of_its_class_in_bgr(emotion: str) -> None:
    scene = blank()
    draw_box(scene, (100, 120, 80, 90), color_bgr(emotion))
    red, green, blue = bytes.fromhex(EMOTION_COLORS[emotion].lstrip("#"))
    assert color_bgr(emotion) == (blue, green, red)
    for x, y in ((100, 160), (180, 160), (140, 120), (140, 210)):
        assert scene[y, x].tolist() == [blue, green, red]
    assert not changed(scene)[130:200, 110:170].any(), "the face itself stays free"


@pytest.mark.parametrize("corner", [(150, 0), (150, 4), (395, 100), (150, 299)])
def test_a_label_stays_within_the_image(corner: tuple[int, int]) -> None:
    amid, moved = blank(), blank()
    draw_label(amid, (150, 150), (0, 200, 0), "looks happy")
    draw_label(moved, corner, (0, 200, 0), "looks happy")
    assert changed(moved).sum() == pytest.approx(changed(amid).sum(), rel=0.05)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (12, 16)])
def test_tiny_and_long_pictures(shape: tuple[int, int]) -> None:
    scene = blank(*shape)
    draw_box(scene, (0, 0, 1, 1), (0, 200, 0), "looks happy")
    assert scene.shape == (*shape, 3)
