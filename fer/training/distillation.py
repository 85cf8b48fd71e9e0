"""Knowledge distillation: learn from the predictions of other models as well as from labels (Hinton et al., 2015).

A prediction also says which other expressions a face resembles; a label names only one. The student can be as large as
its teacher (Furlanello et al., 'Born-again neural networks', 2018). Here the teacher sees each face and its mirror
image, while the student will be asked only once.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.arrays import Floats
from fer.emotions import N_EMOTIONS
from fer.evaluation.calibration import probabilities_at
from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import EmotionClassifier

_CHUNK: Final = 512


def distillation_targets(
    bundles: Sequence[str], images: npt.NDArray[np.uint8], progress: Callable[[float], None] = lambda share: None
) -> Floats:
    """Return the teachers' calibrated probabilities, averaged over teachers and over each face and its mirror image.

    Args:
        bundles: folders of the teachers' bundles, at least one.
        images: (N, 48, 48) uint8.
        progress: called every second or two with the share that is done, 0..1. An exception it raises stops the work.

    Returns:
        (N, 7) float32; each row sums to 1.

    Raises:
        BundleError: a bundle is missing or damaged, or its network produces NaN or infinite values.
    """
    classifiers = [EmotionClassifier(load_bundle(bundle)) for bundle in bundles]
    targets = np.empty((len(images), N_EMOTIONS), np.float32)
    chunk = max(1, _CHUNK // len(bundles))
    for first in range(0, len(images), chunk):
        progress(first / len(images))
        faces = images[first : first + chunk, ..., None]
        views = (faces, faces[:, :, ::-1])
        # With one temperature for all faces: what an answer says of the other classes doesn't depend on the picture.
        targets[first : first + chunk] = np.mean(
            [
                probabilities_at(classifier.logits(view), classifier.bundle.temperature)
                for classifier in classifiers
                for view in views
            ],
            axis=0,
        )
    return targets
