"""Correct labels on the Data page."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.datasets.faces import FaceDataset
from fer.datasets.readings import Reading
from fer.datasets.store import catalog
from fer.datasets.store.corrections import corrections_file, read_corrections
from fer.datasets.store.importing import store
from fer.emotions import EMOTIONS
from tests.support.data_page import PAGE, OpenPage, button, finished, images_of, view
from tests.support.forms import (
    plus,
    snapshot,
    synthetic_faces,
    unanimous,
)
from tests.support.markdown import plain


def test_blank_images_are_not_the_first_to_review(fer_home: Path, tiny_model: Path, open_page: OpenPage) -> None:
    dataset = plus(synthetic_faces(14, 0, 0), np.zeros((48, 48)), 3)
    votes = unanimous(dataset)
    votes[14] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]
    store(Reading(replace(dataset, votes=votes), ("x",) * 15), "mine", "x")
    app = view(open_page(PAGE), "Relabel")
    assert [text.value for text in app.success] == ["No doubtful labels."]
    assert any("images without a face are left to the Doctor" in text.value for text in app.caption)


def test_the_most_doubtful_labels_are_reviewed_with_one_click_each(
    fer_home: Path, stored: FaceDataset, tiny_model: Path, open_page: OpenPage
) -> None:
    originals = snapshot(fer_home / "data" / "mine")
    file = corrections_file(catalog.dataset_folder("mine"))
    app = view(open_page(PAGE), "Relabel")
    # The clearest case comes first.
    assert images_of(app) == ["line 22, train"]
    assert any(f"Labelled **{EMOTIONS[stored.labels[20]]}**" in text.value for text in app.markdown)
    right = (int(stored.labels[20]) + 1) % 7
    app.button(key=f"data_label_{EMOTIONS[right]}").click().run()
    assert images_of(app) == ["line 12, train"]
    app.button(key="data_discard").click().run()
    assert [(item.index, item.now) for item in read_corrections(file)] == [(20, right), (10, None)]
    assert [text.value for text in app.success] == ["All doubtful images are reviewed."]
    app.button(key="data_undo").click().run()
    assert [(item.index, item.now) for item in read_corrections(file)] == [(20, right)]
    assert images_of(app) == ["line 12, train"]
    app.button(key="data_keep").click().run()
    assert read_corrections(file)[-1].now == stored.labels[10]
    # The data themselves are unchanged.
    assert {name: data for name, data in snapshot(fer_home / "data" / "mine").items() if name != file.name} == originals
    assert not app.exception and not app.error


def test_skipping_leaves_no_trace(fer_home: Path, stored: FaceDataset, tiny_model: Path, open_page: OpenPage) -> None:
    app = view(open_page(PAGE), "Relabel")
    app.button(key="data_skip").click().run()
    assert images_of(app) == ["line 12, train"]
    assert not corrections_file(catalog.dataset_folder("mine")).exists()


def test_without_votes_the_model_finds_doubtful_labels(fer_home: Path, tiny_model: Path, open_page: OpenPage) -> None:
    """The tiny model classifies the darkest face as angry and the brightest as neutral."""
    dataset = synthetic_faces(14, 0, 0)
    store(Reading(dataset, ("x",) * 14), "mine", "x")
    app = view(open_page(PAGE), "Relabel")
    app = finished(button(app, "Classify 14 images").click().run())
    says = np.rint(dataset.images.mean(axis=(1, 2)) * 6 / 255).astype(int)
    n_doubtful = int((says != dataset.labels).sum())
    assert 0 < n_doubtful < 14
    shown = [item.proto.text for item in app.get("progress")]
    assert shown == [f"0 of {n_doubtful} doubtful images reviewed or skipped"]


def test_without_votes_and_model_the_page_says_what_to_do(
    fer_home: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(Reading(synthetic_faces(14, 0, 0), ("x",) * 14), "mine", "x")
    monkeypatch.setattr("fer.paths.SHIPPED_BUNDLE", fer_home / "nothing here")
    app = view(open_page(PAGE), "Relabel")
    assert not app.exception and "fer2013new.csv" in app.info[0].value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image,digest,was,now\n1,0011,sad,happy\n".encode("utf-16"), "isn't a CSV in UTF-8"),
        (b"image,digest,was,now\n9999,0011,sad,happy\n", "don't belong to these images"),
        (b"image,digest,was,now\n3,0011223344556677,sad,discard\n", "don't belong to these images"),
    ],
)
def test_corrections_edited_by_hand_give_a_sentence(
    fer_home: Path, stored: FaceDataset, tiny_model: Path, open_page: OpenPage, content: bytes, message: str
) -> None:
    corrections_file(catalog.dataset_folder("mine")).write_bytes(content)
    app = view(open_page(PAGE), "Relabel")
    assert not app.exception and [message in plain(text.value) for text in app.error] == [True]
    # The rest of the page is shown.
    app = view(app, "Look")
    assert not app.exception and not app.error
