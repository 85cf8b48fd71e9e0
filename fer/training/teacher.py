"""Learning from another model's answers as well as from labels: knowledge distillation (Hinton et al., 2015).

An answer says which other expressions a face resembles, where a label says one thing of seven. A student that is no
smaller than its teacher still ends above it (Furlanello et al., 'Born-again neural networks', 2018), the more so where
the teacher sees each face twice, as it is and mirrored, and the student is asked once.
"""

import numpy as np
import numpy.typing as npt

from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import EmotionClassifier

Floats = npt.NDArray[np.float32]


def taught_labels(bundle: str, images: npt.NDArray[np.uint8]) -> Floats:
    """A model's probabilities for faces, the mean of each face and its mirror image.

    Args:
        bundle: the folder of the model's bundle.
        images: (N, 48, 48) uint8.

    Returns:
        (N, 7) float32; each row sums to 1.

    Raises:
        BundleError: there is no whole bundle.
    """
    classifier = EmotionClassifier(load_bundle(bundle))
    answers = classifier.probabilities(images[..., None]) + classifier.probabilities(images[:, :, ::-1, None])
    return answers / np.float32(2)
