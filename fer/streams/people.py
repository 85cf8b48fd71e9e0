"""The confirmed faces of a frame as people: what is drawn, shown and recorded."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fer.recognition.candidates import ClassSets
from fer.results import Face
from fer.streams.pipeline import SeenFace
from fer.streams.record import Observation


@dataclass(frozen=True, eq=False)
class Person:
    """A person in the current frame: their number, the face with smoothed probabilities, and raw ones (7,)."""

    number: int
    face: Face
    raw: npt.NDArray[np.float32]


def people_of(
    seen: Sequence[SeenFace], confidence_threshold: float, sets: ClassSets | None = None
) -> tuple[Person, ...]:
    """Return the faces that are confirmed and classified, by number.

    Args:
        seen: all tracked faces.
        confidence_threshold: the confidence in 0..1 below which the model answers 'not sure'.
        sets: which classes may be the right one; None if the model has no such calibration.
    """
    people = []
    for face in seen:
        if face.number is not None and face.raw is not None and face.smoothed is not None:
            left, top, width, height = (round(float(value)) for value in face.box_xywh)
            box = (left, top, max(1, width), max(1, height))
            # After hundreds of float32 steps, the sum is slightly off 1.
            smoothed = face.smoothed / face.smoothed.sum()
            shown = Face(
                box_xywh=box,
                probabilities=smoothed,
                confidence_threshold=confidence_threshold,
                candidates=sets.of(smoothed) if sets else (),
                pose=face.pose,
                doubts=face.against.doubts,
                flaws=face.against.flaws,
                quality=face.against.measures or None,
            )
            people.append(Person(face.number, shown, face.raw))
    return tuple(sorted(people, key=lambda person: person.number))


def observations_of(seen: Sequence[SeenFace], people: Sequence[Person]) -> tuple[Observation, ...]:
    """Return the people who are in the frame, to be recorded. Those that the last detection missed are left out."""
    present = {face.number: face for face in seen if face.present}
    return tuple(
        Observation(
            person=person.number,
            box_xywh=present[person.number].box_xywh,
            raw=person.raw,
            smoothed=person.face.probabilities,
            sure=person.face.sure,
            candidates=person.face.candidates,
            pose=person.face.pose,
            quality=person.face.quality,
            reasons=person.face.reasons,
        )
        for person in people
        if person.number in present
    )
