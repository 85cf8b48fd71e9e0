"""From seen faces to people, and from people to what is recorded."""

from dataclasses import replace

import numpy as np

from fer.recognition.candidates import ClassSets
from fer.results import Pose
from fer.streams.people import observations_of, people_of
from fer.vision.quality import Objections
from tests.support.people import person, seen


def test_people_carry_their_candidates_and_flaws() -> None:
    probabilities = np.array([0.1, 0, 0, 0.5, 0, 0, 0.4], np.float32)
    face = replace(
        seen(), raw=probabilities, smoothed=probabilities, against=Objections(flaws=("the face is blurred",))
    )
    (found,) = people_of([face], 0.6, ClassSets(0.9, 0.3))
    assert found.face.candidates == ("happy", "neutral")
    assert found.face.details == "Not sure: the face is blurred. Perhaps happy or neutral."
    (plain,) = people_of([face], 0.6)
    assert plain.face.candidates == ()


def test_a_person_with_a_doubt_is_never_sure() -> None:
    probabilities = np.array([0, 0, 0, 1, 0, 0, 0], np.float32)
    face = replace(seen(), raw=probabilities, smoothed=probabilities)
    (doubted,) = people_of([replace(face, against=Objections(("the face is only 18 pixels wide",)))], 0.6)
    assert doubted.face.details == "Not sure: the face is only 18 pixels wide."
    assert people_of([face], 0.6)[0].face.sure


def test_people_have_pose_and_quality_as_far_as_they_are_known() -> None:
    probabilities = np.array([0, 0, 0, 1, 0, 0, 0], np.float32)
    face = replace(seen(), raw=probabilities, smoothed=probabilities)
    measures = tuple(np.arange(9) / 8)
    known = replace(face, pose=Pose(10, 20, 30), against=Objections(measures=measures))
    (observed,) = observations_of([known], people_of([known], 0.6))
    assert (observed.pose, observed.quality, observed.reasons) == (Pose(10, 20, 30), measures, ())
    (unknown,) = people_of([face], 0.6)
    assert (unknown.face.pose, unknown.face.quality) == (None, None)


def test_a_person_missed_by_the_last_detection_is_not_recorded() -> None:
    here, missed = seen(left=100), replace(seen(left=300), number=2, present=False)
    recorded = observations_of([here, missed], [person(1), person(2)])
    assert [(one.person, one.box_xywh.tolist()) for one in recorded] == [(1, [100, 120, 160, 160])]
