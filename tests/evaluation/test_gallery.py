"""The faces of the gallery and their captions."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from fer.emotions import EMOTIONS, N_EMOTIONS
from fer.evaluation.gallery import cards, mistakes, of_kind
from fer.evaluation.metrics import Predictions
from fer.recognition.candidates import ClassSets
from tests.support.evaluations import evaluation_set, grey_faces, result, tiny_classifier

ANGRY, SAD, HAPPY = (EMOTIONS.index(name) for name in ("angry", "sad", "happy"))


def answers() -> Predictions:
    labels = np.array([HAPPY, SAD, SAD, ANGRY, SAD])
    predicted = np.array([HAPPY, HAPPY, HAPPY, SAD, SAD])
    confidence = np.array([0.9, 0.5, 0.8, 0.7, 0.6])
    probabilities = np.repeat((1 - confidence)[:, None] / 6, N_EMOTIONS, axis=1).astype(np.float32)
    probabilities[np.arange(5), predicted] = confidence
    return Predictions(labels, probabilities)


def test_mistakes_come_with_the_most_confident_first() -> None:
    assert mistakes(answers()).tolist() == [2, 3, 1]


def test_a_cell_lists_its_faces_with_the_most_confident_first() -> None:
    assert of_kind(answers(), SAD, HAPPY).tolist() == [2, 1]
    assert of_kind(answers(), HAPPY, HAPPY).tolist() == [0]
    assert of_kind(answers(), HAPPY, SAD).tolist() == []


def test_a_card_shows_true_and_predicted_class_and_the_map(tmp_path: Path) -> None:
    faces = grey_faces(14, wrong=7)
    made = result(tmp_path / "bundle", faces)
    found = evaluation_set(faces)
    rows = mistakes(made.predictions)
    assert len(rows) == 7
    shown = cards(found, [made], [tiny_classifier(tmp_path / "again")], rows)
    for card, row in zip(shown, rows, strict=True):
        true, predicted = found.faces.labels[row], made.predictions.predicted[row]
        assert card.captions == (
            f"true {EMOTIONS[true]}, predicted {EMOTIONS[predicted]}, {made.predictions.confidence[row]:.2f}",
        )
        assert card.origin == found.origins[row]
        assert card.face.shape == (192, 192)
        assert [picture.shape for picture in card.maps] == [(192, 192, 3)]
        assert card.probabilities[0].argmax() == predicted


def test_each_of_two_models_has_a_caption_and_a_map(tmp_path: Path) -> None:
    faces = grey_faces(7)
    one, other = result(tmp_path / "a", faces), result(tmp_path / "b", faces)
    classifiers = [tiny_classifier(tmp_path / "a"), tiny_classifier(tmp_path / "b")]
    (card,) = cards(evaluation_set(faces), [one, other], classifiers, np.array([3]))
    assert len(card.captions) == len(card.maps) == len(card.probabilities) == 2


def test_without_the_model_there_is_no_map(tmp_path: Path) -> None:
    faces = grey_faces(7)
    made = result(tmp_path / "a", faces)
    (card,) = cards(evaluation_set(faces), [made], [], np.array([0]))
    assert card.maps == ()
    assert len(card.captions) == 1


def test_a_card_names_the_set_of_classes_if_the_model_has_sets(tmp_path: Path) -> None:
    faces = grey_faces(7)
    made = result(tmp_path / "a", faces)
    probabilities = np.zeros((7, N_EMOTIONS), np.float32)
    probabilities[:, SAD], probabilities[:, HAPPY] = 0.4, 0.6
    unsure = replace(made, predictions=replace(made.predictions, probabilities=probabilities))
    with_sets = replace(unsure, model=replace(made.model, sets=ClassSets(0.9, 0.3)))
    (card,) = cards(evaluation_set(faces), [unsure, with_sets], [], np.array([0]))
    assert card.candidates == ("", "happy or sad")
