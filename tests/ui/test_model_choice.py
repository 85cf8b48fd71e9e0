"""The models that pages offer."""

from pathlib import Path

from fer.paths import SHIPPED_BUNDLE
from fer.recognition.current import use_bundle
from fer.runs.serving import use_run
from fer.storage.files import write_json
from fer.ui.model_choice import models_by_path, models_in_use_first
from tests.support.builders import make_bundle
from tests.support.run_folders import write_bundle


def run(home: Path, number: int, name: str) -> Path:
    folder = home / "runs" / f"20260101-00000{number}-abcd"
    bundle = make_bundle(folder / "bundle", sharpness=1.0 + number).path
    write_json(folder / "notes.json", {"name": name})
    write_json(folder / "config.json", {})
    return bundle


def test_equal_names_are_distinguished(fer_home: Path) -> None:
    one, two, three = run(fer_home, 1, "same"), run(fer_home, 2, "same"), run(fer_home, 3, "other")
    found = models_by_path()
    assert found[str(SHIPPED_BUNDLE)] == "Shipped model"
    assert found[str(one)] == "same (20260101-000001-abcd)" and found[str(two)] == "same (20260101-000002-abcd)"
    assert found[str(three)] == "other"


def test_only_models_with_the_needed_file_are_offered(fer_home: Path) -> None:
    bundle = run(fer_home, 1, "trainable")
    assert str(bundle) not in models_by_path("model.other")
    (bundle / "model.other").write_bytes(b"weights")
    assert list(models_by_path("model.other")) == [str(bundle)]


def test_the_model_in_use_comes_first(fer_home: Path) -> None:
    use_bundle(run(fer_home, 1, "mine"))
    assert list(models_in_use_first().values()) == ["mine, in use", "Shipped model"]


def test_a_run_keeps_its_place_when_its_copy_goes_out_of_use(fer_home: Path) -> None:
    path = run(fer_home, 1, "mine")
    write_bundle(path.parent)
    write_json(path.parent / "progress.json", {"state": "finished"})
    use_run(path.parent.name)
    assert models_in_use_first() == {str(path): "mine, in use", str(SHIPPED_BUNDLE): "Shipped model"}
    # Resumed since, it has another model than the copy that is in use.
    make_bundle(path, sharpness=9.0)
    assert list(models_in_use_first().values()) == ["mine, in use", "Shipped model", "mine"]


def test_unchanged_runs_are_not_read_again(fer_home: Path) -> None:
    run(fer_home, 1, "mine")
    assert list(models_by_path(listed=[]).values()) == ["Shipped model"]
