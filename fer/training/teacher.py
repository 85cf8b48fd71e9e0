"""Learning from another model's answers as well as from labels: knowledge distillation (Hinton et al., 2015).

An answer says which other expressions a face resembles, where a label says one thing of seven. The student may be as
large as its teacher (Furlanello et al., 'Born-again neural networks', 2018); here the teacher sees each face twice, as
it is and mirrored, and the student will be asked once.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.arrays import Floats
from fer.emotions import N_EMOTIONS
from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import EmotionClassifier

_CHUNK: Final = 512


def taught_labels(
    bundles: Sequence[str], images: npt.NDArray[np.uint8], progress: Callable[[float], None] = lambda share: None
) -> Floats:
    """Models' calibrated probabilities for faces, by the files they serve: the mean of a face and its mirror image.

    Args:
        bundles: the folders of the models' bundles, one or several; of several it is the mean.
        images: (N, 48, 48) uint8.
        progress: told every second or two which share is done, 0..1; what it raises ends the work.

    Returns:
        (N, 7) float32; each row sums to 1.

    Raises:
        BundleError: there is no whole bundle, or its network gives what is no number.
    """
    classifiers = [EmotionClassifier(load_bundle(bundle)) for bundle in bundles]
    answers = np.empty((len(images), N_EMOTIONS), np.float32)
    chunk = max(1, _CHUNK // len(bundles))
    for first in range(0, len(images), chunk):
        progress(first / len(images))
        faces = images[first : first + chunk, ..., None]
        views = (faces, faces[:, :, ::-1])
        answers[first : first + chunk] = np.mean(
            [classifier.probabilities(view) for classifier in classifiers for view in views], axis=0
        )
    return answers
