"""Which face is which from frame to frame, and how a track's expression is smoothed."""

import numpy as np
import pytest

from fer.emotions import EMOTIONS
from fer.vision.tracking import KEEP_S, MAX_MISSED, FaceTracker, Track, iou

LEFT, RIGHT = (50, 60, 80, 80), (250, 60, 80, 80)


def one_hot(emotion: str) -> np.ndarray:
    return np.eye(len(EMOTIONS), dtype=np.float32)[EMOTIONS.index(emotion)]


def moved(box: tuple[int, ...], dx: float, dy: float = 0) -> tuple[float, ...]:
    return (box[0] + dx, box[1] + dy, *box[2:])


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),
        ((0, 0, 10, 10), (5, 0, 10, 10), 50 / 150),
        ((0, 0, 10, 10), (2, 2, 5, 4), 20 / 100),
        ((0, 0, 10, 10), (10, 0, 10, 10), 0.0),
        ((0, 0, 0, 0), (0, 0, 0, 0), 0.0),
    ],
)
def test_iou(one: tuple[int, ...], two: tuple[int, ...], expected: float) -> None:
    assert iou([one], [two])[0, 0] == pytest.approx(expected)


def test_iou_of_every_pair() -> None:
    assert iou([LEFT, RIGHT, moved(LEFT, 4)], [RIGHT, LEFT]).argmax(axis=1).tolist() == [1, 0, 1]
    assert iou(np.empty((0, 4)), [LEFT]).shape == (0, 1)


def test_a_face_keeps_its_number_while_it_moves() -> None:
    tracker = FaceTracker()
    for step in range(20):
        tracker.update([moved(LEFT, 6 * step)], step * 0.1)
    (track,) = tracker.tracks
    assert (track.track_id, track.hits, track.missed) == (1, 20, 0)
    assert track.box_xywh[:2] == pytest.approx(moved(LEFT, 6 * 19)[:2], abs=1)


def test_the_order_of_a_detectors_boxes_does_not_matter() -> None:
    tracker = FaceTracker()
    tracker.update([LEFT, RIGHT], 0)
    tracker.update([moved(RIGHT, 5), moved(LEFT, 5)], 0.1)
    assert {track.track_id: round(float(track.box_xywh[0])) for track in tracker.tracks} == {1: 55, 2: 255}


def test_the_assignment_is_optimal_and_not_greedy() -> None:
    """One box lies on both tracks; a greedy choice would give it to the first and leave the second without."""
    tracker = FaceTracker(min_iou=0.1)
    tracker.update([(0, 0, 100, 100), (60, 0, 100, 100)], 0)
    tracker.update([(30, 0, 100, 100), (-40, 0, 100, 100)], 0.1)
    places = {track.track_id: float(track.box_xywh[0]) for track in tracker.tracks}
    assert places == {1: pytest.approx(-40), 2: pytest.approx(30)}


def test_a_face_far_away_is_another_one() -> None:
    tracker = FaceTracker()
    tracker.update([LEFT], 0)
    tracker.update([LEFT], 0.1)
    tracker.update([RIGHT], 0.2)
    assert [track.track_id for track in tracker.tracks] == [1, 2]
    assert [track.missed for track in tracker.tracks] == [1, 0]


def test_a_track_survives_a_few_misses_and_is_then_forgotten() -> None:
    tracker = FaceTracker()
    tracker.update([LEFT], 0.0)
    tracker.update([LEFT], 0.3)
    for miss in range(1, MAX_MISSED + 1):
        tracker.update([], 0.3 + miss * 10)
        assert [track.missed for track in tracker.tracks] == [miss]
    tracker.update([], 100)
    assert tracker.tracks == ()


def test_a_track_that_comes_back_in_time_keeps_number_and_expression() -> None:
    tracker = FaceTracker()
    tracker.update([LEFT], 0.0)
    tracker.update([LEFT], 0.1)
    tracker.tracks[0].smooth(one_hot("happy"), 0.1, 0.5)
    tracker.update([], 0.2)
    tracker.update([moved(LEFT, 3)], 0.3)
    (track,) = tracker.tracks
    assert (track.track_id, track.missed, track.hits) == (1, 0, 3)
    assert track.smoothed is not None
    assert track.smoothed.tolist() == one_hot("happy").tolist()


def test_frequent_detections_may_miss_a_face_for_a_moment() -> None:
    tracker = FaceTracker()
    tracker.update([LEFT], 0.0)
    tracker.update([LEFT], 0.03)
    for step in range(2, 12):
        tracker.update([], step * 0.03)
    assert [track.missed for track in tracker.tracks] == [10]
    tracker.update([], 0.03 + KEEP_S + 0.01)
    assert tracker.tracks == ()


def test_a_face_detected_only_once_is_dropped_at_its_first_miss() -> None:
    tracker = FaceTracker()
    tracker.update([LEFT], 0.0)
    tracker.update([], 0.03)
    assert tracker.tracks == ()


def test_a_number_is_never_reused() -> None:
    tracker = FaceTracker()
    tracker.update([LEFT], 0)
    tracker.update([], 0.1)
    tracker.update([LEFT], 0.2)
    tracker.clear()
    tracker.update([LEFT], 0.3)
    assert [track.track_id for track in tracker.tracks] == [3]


def test_the_size_is_smoothed_and_the_position_is_not() -> None:
    tracker = FaceTracker()
    tracker.update([(100, 100, 80, 80)], 0)
    tracker.update([(90, 95, 100, 100)], 0.1)
    left, top, width, height = tracker.tracks[0].box_xywh.tolist()
    assert (width, height) == (90, 90)
    assert (left + width / 2, top + height / 2) == (140, 145)


def test_moving_a_track_does_not_confirm_it() -> None:
    tracker = FaceTracker()
    tracker.update([LEFT, RIGHT], 0)
    tracker.move(tracker.tracks[1:], [moved(RIGHT, 7)])
    assert tracker.boxes()[:, 0].tolist() == [50, 257]
    assert [track.hits for track in tracker.tracks] == [1, 1]


@pytest.mark.parametrize("n_steps", [1, 3, 30])
def test_smoothing_follows_the_clock_not_the_number_of_frames(n_steps: int) -> None:
    """After one time constant the new expression has 63 % of the weight, in however many frames."""
    track = Track(1, np.zeros(4, np.float32), 0.0)
    track.smooth(one_hot("neutral"), 0.0, 0.5)
    for step in range(1, n_steps + 1):
        track.smooth(one_hot("surprise"), 0.5 * step / n_steps, 0.5)
    assert track.raw is not None and track.smoothed is not None
    assert track.raw.tolist() == one_hot("surprise").tolist()
    assert track.smoothed[EMOTIONS.index("surprise")] == pytest.approx(1 - np.exp(-1), abs=1e-5)
    assert track.smoothed.sum() == pytest.approx(1)


def test_without_smoothing_only_the_last_frame_counts() -> None:
    track = Track(1, np.zeros(4, np.float32), 0.0)
    track.smooth(one_hot("sad"), 0.0, 0.5)
    track.smooth(one_hot("fear"), 0.01, 0)
    assert track.smoothed is not None
    assert track.smoothed.tolist() == one_hot("fear").tolist()


def test_probabilities_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(7,\).*\(3,\)"):
        Track(1, np.zeros(4, np.float32), 0.0).smooth([0.2, 0.3, 0.5], 0, 0.5)


ONE, TWO = np.eye(4, dtype=np.float32)[:2]


def box(left: float) -> tuple[float, ...]:
    return (left, 60, 40, 40)


def numbers(tracker: FaceTracker) -> list[tuple[int, float]]:
    return sorted((track.track_id, float(track.box_xywh[0])) for track in tracker.tracks if not track.missed)


def test_people_who_cross_keep_their_tracks_by_their_looks() -> None:
    """The boxes lie on each other, and afterwards each person is where the other one was."""
    tracker = FaceTracker()
    for step, (left, right) in enumerate([(0, 40), (18, 22), (22, 18), (40, 0)]):
        tracker.update([box(left), box(right)], step / 10, np.stack([ONE, TWO]))
    assert numbers(tracker) == [(1, pytest.approx(40, abs=1)), (2, pytest.approx(0, abs=1))]


def test_someone_who_comes_back_gets_the_old_track_without_the_old_expression() -> None:
    tracker = FaceTracker()
    tracker.update([box(0)], 0.0, ONE[None])
    tracker.update([box(0)], 0.1, ONE[None])
    tracker.tracks[0].smooth(np.eye(7)[3], 0.1, 0.4)
    for step in range(MAX_MISSED + 1):
        tracker.update([], 1.0 + step, np.empty((0, 4), np.float32))
    assert not tracker.tracks
    tracker.update([box(300)], 60.0, TWO[None])
    assert [track.track_id for track in tracker.tracks] == [2]
    tracker.update([box(300), box(100)], 60.1, np.stack([TWO, ONE]))
    assert {track.track_id for track in tracker.tracks} == {1, 2}
    back = next(track for track in tracker.tracks if track.track_id == 1)
    assert back.returned_s == 60.1 and back.box_xywh[0] == 100
    back.forget_answers()
    assert back.raw is None and back.smoothed is None


def test_who_has_just_gone_is_known_by_less() -> None:
    vague = np.array([0.6, 0, 0.8, 0], np.float32)
    for gap_s, number in ((2.0, 1), (60.0, 2)):
        tracker = FaceTracker()
        tracker.update([box(0)], 0.0, ONE[None])
        tracker.update([box(0)], 0.1, ONE[None])
        for step in range(MAX_MISSED + 1):
            tracker.update([], 1.0 + step / 10, np.empty((0, 4), np.float32))
        tracker.update([box(0)], gap_s, vague[None])
        assert [track.track_id for track in tracker.tracks] == [number]


def test_without_looks_everyone_who_comes_back_is_new() -> None:
    tracker = FaceTracker()
    tracker.update([box(0)], 0.0)
    tracker.update([box(0)], 0.1)
    for step in range(MAX_MISSED + 1):
        tracker.update([], 1.0 + step)
    tracker.update([box(0)], 9.0)
    assert [track.track_id for track in tracker.tracks] == [2]


def test_a_fast_face_is_expected_where_it_was_heading() -> None:
    tracker = FaceTracker()
    for step, left in enumerate((0, 10, 30, 60, 95, 130)):
        tracker.update([box(left)], step / 30)
    assert [track.track_id for track in tracker.tracks] == [1]
