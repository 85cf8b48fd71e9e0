"""The preset 'Fine-tune the shipped model', as its user starts it: the real command and the real network."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fer.comparing.fine_tuning import read_changes
from fer.datasets.synthetic import make_synthetic
from fer.paths import CHECKOUT, SHIPPED_BUNDLE
from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.runs import layout, store


@pytest.mark.timeout(600)
def test_the_shipped_model_is_fine_tuned_and_compared_with(fer_home: Path) -> None:
    command = [sys.executable, "-m", "fer", "train", "--preset", "fine-tune", "--data", "synthetic"]
    # Five steps.
    settings = ["--fraction", "0.1", "--epochs", "1", "--precision", "float32"]
    environment = {**os.environ, "FER_HOME": str(fer_home), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([*command, *settings], capture_output=True, text=True, cwd=CHECKOUT, env=environment)
    assert done.returncode == 0, done.stderr
    (run,) = store.list_runs()
    assert (run.state, run.name) == (
        "finished",
        "Fine-tune the shipped model on synthetic, epochs 1, fraction 0.1, 1 more",
    )
    (change,) = read_changes(run.id)
    assert (change.own, change.initial, change.data, change.n) == (True, "Shipped model", "synthetic", 140)
    assert change.text in " ".join((done.stdout + done.stderr).split())
    tuned, shipped = (EmotionClassifier(load_bundle(path)) for path in (run.folder / layout.BUNDLE, SHIPPED_BUNDLE))
    assert change.after == pytest.approx(tuned.bundle.metrics["validation"]["accuracy"])
    faces = make_synthetic(0, 140, 0).images[..., None]
    one, other = tuned.logits(faces), shipped.logits(faces)
    # A few small steps, averaged with the shipped model: near it, unlike random weights, and yet another model.
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.5
    assert not np.allclose(one, other, atol=0.01)
    assert re.fullmatch(r"[0-9a-f]{16}", tuned.bundle.data["validation_fingerprint"])
