"""Distillation: part of each target is a teacher's prediction, equal for a face and its mirror image."""

from dataclasses import replace

import numpy as np
import pytest

from fer.errors import BundleError
from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.runs.config import TrainConfig
from fer.training import run
from fer.training.batches import TrainingBatches
from fer.training.distillation import distillation_targets
from fer.training.run_data import load_data, split_parts
from tests.support.builders import make_bundle
from tests.support.row_faces import STILL, row_faces
from tests.support.tiny_fit import CONFIG, start


@pytest.fixture
def teacher(tmp_path) -> str:
    return str(make_bundle(tmp_path / "teacher").path)


def test_a_teachers_target_is_the_mean_over_a_face_and_its_mirror_image(teacher):
    images = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)
    answers = distillation_targets([teacher], images)
    assert answers.shape == (5, 7) and answers.dtype == np.float32
    np.testing.assert_allclose(answers.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(distillation_targets([teacher], images[:, :, ::-1]), answers, atol=1e-6)
    classifier = EmotionClassifier(load_bundle(teacher))
    both = [classifier.probabilities(np.ascontiguousarray(view)[..., None]) for view in (images, images[:, :, ::-1])]
    np.testing.assert_allclose(answers, (both[0] + both[1]) / 2, atol=1e-6)


def test_several_teachers_targets_are_averaged(teacher, tmp_path):
    surer = str(make_bundle(tmp_path / "surer", sharpness=8.0).path)
    images = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)
    alone = [distillation_targets([bundle], images) for bundle in (teacher, surer)]
    assert np.abs(alone[0] - alone[1]).max() > 0.01
    np.testing.assert_allclose(distillation_targets([teacher, surer], images), np.mean(alone, axis=0), atol=1e-6)


def test_a_batch_mixes_labels_and_teacher_targets_by_the_share(teacher):
    config = TrainConfig(batch_size=35, teacher=(teacher,), teacher_share=0.25, **STILL)
    predictions = distillation_targets([teacher], row_faces().images)
    images, targets, _ = TrainingBatches(row_faces(), config, votes=False, targets=predictions)[0]
    expected = 0.25 * distillation_targets([teacher], images[..., 0]) + 0.75 * np.eye(7)[images[:, 0, 0, 0] % 7]
    np.testing.assert_allclose(targets["logits"], expected, atol=1e-5)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off"], ids=["empty", "cut"])
def test_truncated_targets_on_disk_are_computed_again(teacher, fer_home, content):
    config = replace(CONFIG, teacher=(teacher,))
    session, parts = start(config), split_parts(load_data(config), config)
    (session.folder / run._TARGETS).write_bytes(content)
    answers = run._targets(session, config, parts)
    np.testing.assert_array_equal(answers, distillation_targets([teacher], parts.train.images))
    with np.load(session.folder / run._TARGETS) as kept:
        np.testing.assert_array_equal(kept["targets"], answers)


def test_a_missing_teacher_is_refused(tmp_path):
    with pytest.raises(BundleError, match="There is no model"):
        distillation_targets([str(tmp_path)], np.zeros((1, 48, 48), np.uint8))
