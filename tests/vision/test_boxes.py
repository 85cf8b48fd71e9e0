import numpy as np

from fer.vision.boxes import Detections, joined

BOXES = np.array([[10, 20, 30, 40], [12, 22, 30, 40], [200, 20, 30, 40]], np.float32)


def three() -> Detections:
    landmarks = np.arange(30, dtype=np.float32).reshape(3, 5, 2)
    return Detections(BOXES.copy(), np.array([0.7, 0.9, 0.8], np.float32), landmarks, np.array([0, 30, 90], np.float32))


def test_of_overlapping_boxes_the_one_with_the_highest_score_is_kept() -> None:
    found = three().distinct()
    assert found.boxes_xywh.tolist() == [[12, 22, 30, 40], [200, 20, 30, 40]]
    assert found.rolls.tolist() == [30, 90]
    assert found.landmarks_xy is not None and found.landmarks_xy[:, 0, 0].tolist() == [10, 20]


def test_boxes_and_landmarks_move_together_into_another_image() -> None:
    found = three().placed(2, (100, 10))
    assert found.boxes_xywh[0].tolist() == [120, 50, 60, 80]
    assert found.landmarks_xy is not None and found.landmarks_xy[0, 1].tolist() == [104, 16]
    assert found.scores.tolist() == three().scores.tolist()


def test_faces_with_their_centre_outside_are_left_out() -> None:
    boxes = np.array([[-10, 0, 19, 10], [-10, 0, 20, 10], [90, 0, 20, 10], [np.nan, 0, 9, 9]], np.float32)
    assert Detections.upright(boxes).with_centers_in(100, 50).boxes_xywh.tolist() == [[-10, 0, 20, 10]]


def test_faces_of_two_passes_are_joined_with_landmarks_where_both_have_them() -> None:
    both = joined(three(), three())
    assert len(both) == 6 and both.landmarks_xy is not None and both.rolls.tolist() == [0, 30, 90] * 2
    assert joined(three(), Detections.upright(BOXES)).landmarks_xy is None
