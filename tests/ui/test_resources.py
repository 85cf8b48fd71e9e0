from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from fer.errors import BundleError
from fer.recognition.current import use_bundle
from fer.ui import resources
from tests.support.builders import faces_of, make_bundle


@pytest.fixture(autouse=True)
def empty_caches() -> Iterator[None]:
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def test_one_model_is_loaded_once_for_everyone(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    first = resources.classifier(bundle)
    assert resources.classifier(bundle) is first
    assert resources.start_loading(bundle).result().ms_per_face > 0
    assert first.probabilities(faces_of(255))[0].argmax() == 6


def test_a_model_put_to_use_is_seen_at_once(fer_home: Path) -> None:
    for name in ("first", "second"):
        use_bundle(make_bundle(fer_home / "runs" / name / "bundle").path)
        assert resources.model_in_use().name == name


def test_a_rewritten_bundle_is_loaded_again(fer_home: Path) -> None:
    folder = fer_home / "runs" / "again" / "bundle"
    use_bundle(make_bundle(folder, confidence_threshold=0.2).path)
    before = resources.model_in_use()
    make_bundle(folder, confidence_threshold=0.8)
    after = resources.model_in_use()
    assert (before.confidence_threshold, after.confidence_threshold) == (0.2, 0.8)
    assert resources.classifier(before) is not resources.classifier(after)


def test_a_model_that_failed_to_load_is_tried_again(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    content = bundle.served_file.read_bytes()
    bundle.served_file.write_bytes(b"no network")
    with pytest.raises(BundleError, match=r"model\.onnx"):
        resources.classifier(bundle)
    bundle.served_file.write_bytes(content)
    assert resources.classifier(bundle).probabilities(faces_of(0))[0].argmax() == 0


def test_each_detector_has_an_analyser_of_its_own(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    haar, yunet = resources.analyzer(bundle, "haar"), resources.analyzer(bundle, "yunet")
    assert (haar.detector.name, yunet.detector.name) == ("haar", "yunet")
    assert haar.classifier is yunet.classifier
    assert resources.analyzer(bundle, "haar") is haar
