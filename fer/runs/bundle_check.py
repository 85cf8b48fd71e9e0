"""`python -m fer.runs.bundle_check FOLDER`: check and try an imported model, in a process that may crash.

If something is wrong, it prints one sentence on standard output and exits with 1; otherwise it exits with 0.
"""

import contextlib
import sys
from pathlib import Path
from typing import Final

import click
import numpy as np

from fer.arrays import SIDE
from fer.datasets.synthetic import draw_face
from fer.emotions import EMOTIONS, N_EMOTIONS
from fer.errors import BundleError
from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import Crops, EmotionClassifier
from fer.runs.graph_check import check_graph

_MEMORY_BYTES: Final = 4 << 30
_CPU_SECONDS: Final = 60
# Larger values make no sense on a page, and computing with them may overflow.
_MAX_LOGIT: Final = 1e6


def check(folder: Path) -> None:
    """Check that a bundle is complete, safe and a network for this program, then classify faces of many kinds with it.

    Raises:
        BundleError: it isn't; the message says why.
    """
    bundle = load_bundle(folder)
    check_graph(bundle.served_file)
    try_model(EmotionClassifier(bundle))


def try_model(classifier: EmotionClassifier) -> None:
    """Classify faces of many kinds with a model, and check that the results are usable.

    Raises:
        BundleError: they aren't; the message says for which faces.
    """
    for name, faces in probing_faces().items():
        _try(classifier, name, faces)


def probing_faces() -> dict[str, Crops]:
    """Return the faces on which an imported model is tried, (N, 48, 48, 1) uint8, by their description."""
    rng = np.random.default_rng(0)

    def even(gray: int) -> Crops:
        return np.full((1, SIDE, SIDE, 1), gray, np.uint8)

    noise = rng.integers(0, 256, (3, SIDE, SIDE, 1), dtype=np.uint8)
    return {
        "a black face": even(0),
        "a white face": even(255),
        "grey faces": np.concatenate([even(gray) for gray in (1, 64, 128, 192, 254)]),
        "random faces": noise,
        "dark faces": noise // 16,
        "synthetic faces": np.stack([draw_face(emotion, rng) for emotion in EMOTIONS])[..., None],
    }


def _try(classifier: EmotionClassifier, name: str, faces: Crops) -> None:
    try:
        together = classifier.explain(faces)
        alone = [classifier.explain(faces[index : index + 1]) for index in range(len(faces))]
        logits = classifier.logits(faces)
    except BundleError:
        raise
    except Exception as error:  # ONNX Runtime's own exceptions share no base class
        raise BundleError(f"The model fails on {name}; it isn't used.") from error
    probabilities, maps = together
    if probabilities.shape != (len(faces), N_EMOTIONS) or maps.shape[::3] != (len(faces), N_EMOTIONS):
        raise BundleError(
            f"The model returns arrays of shape {probabilities.shape} and {maps.shape} for {name}; it isn't used."
        )
    if not np.isfinite(maps).all():
        raise BundleError(f"The model's maps of {name} hold NaN or infinite values; it isn't used.")
    if np.abs(logits).max() > _MAX_LOGIT:
        raise BundleError(f"The model's scores of {name} are beyond {_MAX_LOGIT:g}; it isn't used.")
    if not all(np.allclose(one[0], row, atol=1e-3) for (one, _), row in zip(alone, probabilities, strict=True)):
        raise BundleError(f"The model classifies {name} differently when other faces are next to them; it isn't used.")


def _limit() -> None:
    """Limit the time and memory of this process."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


def main() -> None:
    """Check the bundle in the folder given as the only argument."""
    _limit()
    try:
        check(Path(sys.argv[1]))
    except BundleError as error:
        click.echo(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
