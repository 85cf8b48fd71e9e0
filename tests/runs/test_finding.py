"""What `--model` accepts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fer.errors import BundleError
from fer.paths import SHIPPED_BUNDLE
from fer.recognition.current import use_bundle
from fer.runs.finding import find_model
from tests.support.builders import make_bundle

MakeRun = Callable[..., str]
RUN = "20260101-000000-abcd"


@pytest.fixture
def bundle(fer_home: Path) -> Path:
    return make_bundle(fer_home / "runs" / RUN / "bundle").path


def test_a_run_is_found_by_its_id_its_folder_and_its_bundle(bundle: Path) -> None:
    for text in (RUN, str(bundle.parent), str(bundle)):
        assert find_model(text).resolve() == bundle.resolve()


def test_the_model_in_use_and_the_shipped_one_have_names(bundle: Path) -> None:
    assert find_model("in-use") == find_model("shipped") == SHIPPED_BUNDLE
    use_bundle(bundle)
    assert find_model("in-use").resolve() == bundle.resolve()
    assert find_model("shipped") == SHIPPED_BUNDLE


def test_an_imported_model_is_found_by_its_name(fer_home: Path) -> None:
    lab = make_bundle(fer_home / "runs" / "imported" / "lab" / "bundle").path
    assert find_model("lab").resolve() == lab.resolve()


@pytest.mark.parametrize("text", ["nothing", "20260101-000000-ffff", "x" * 5000, "a\0b", "~nosuchuser/x"])
def test_an_unknown_model_gives_a_sentence_with_valid_choices(text: str, bundle: Path) -> None:
    with pytest.raises(BundleError, match=r"no model .*id or the name of a run .*'in-use' or 'shipped'\.$") as refused:
        find_model(text)
    assert len(str(refused.value)) < 400


def test_a_run_without_a_model_gives_a_sentence(fer_home: Path) -> None:
    (fer_home / "runs" / RUN).mkdir(parents=True)
    with pytest.raises(BundleError, match="no model yet"):
        find_model(RUN)


def test_a_run_is_found_by_its_name_if_no_other_has_it(make_run: MakeRun, fer_home: Path) -> None:
    first, bare = make_run(name="smile study", bundle=True), make_run(name="bare")
    assert find_model("smile study") == fer_home / "runs" / first / "bundle"
    with pytest.raises(BundleError, match="Run 'bare' has no model yet"):
        find_model("bare")
    second = make_run(name="smile study", bundle=True)
    with pytest.raises(BundleError, match=r"2 runs are named 'smile study'\. Use the id of one: ") as refused:
        find_model("smile study")
    assert first in str(refused.value) and second in str(refused.value)
    assert find_model(second) == fer_home / "runs" / second / "bundle" and bare
