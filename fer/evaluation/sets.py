"""Measure sets of classes on labelled faces: how often they contain the right class, and how large they are."""

from dataclasses import dataclass

from fer.arrays import Labels, Probabilities
from fer.emotions import EMOTIONS
from fer.recognition.candidates import ClassSets


@dataclass(frozen=True)
class ClassSetMetrics:
    """The faces of one true class: how many, and the coverage and mean size of their sets."""

    n: int
    coverage: float
    mean_size: float


@dataclass(frozen=True)
class SetMetrics:
    """Sets of classes on N labelled faces.

    Attributes:
        target: the coverage that the sets are calibrated for, 0..1.
        coverage: share of faces whose set contains the right class.
        mean_size: mean number of classes in a set, 1..7.
        singles: share of sets with one class.
        per_class: by true class, those without a face left out.
    """

    target: float
    coverage: float
    mean_size: float
    singles: float
    per_class: dict[str, ClassSetMetrics]


def measure_sets(sets: ClassSets, probabilities: Probabilities, labels: Labels) -> SetMetrics:
    """Measure sets on N faces, N at least 1, by their probabilities (N, 7) and true classes (N,)."""
    members = sets.contains(probabilities)
    sizes = members.sum(1)
    covered = members[range(len(labels)), labels]
    return SetMetrics(
        target=sets.coverage,
        coverage=float(covered.mean()),
        mean_size=float(sizes.mean()),
        singles=float((sizes == 1).mean()),
        per_class={
            name: ClassSetMetrics(int(chosen.sum()), float(covered[chosen].mean()), float(sizes[chosen].mean()))
            for index, name in enumerate(EMOTIONS)
            if (chosen := labels == index).any()
        },
    )
