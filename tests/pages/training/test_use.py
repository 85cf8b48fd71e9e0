"""Compare runs on the Training page, and use their models and imported ones."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fer import paths
from fer.recognition.bundle import load_bundle
from fer.recognition.current import current_bundle_path
from fer.runs import importing, layout, serving
from fer.runs.config import TrainConfig
from tests.support.builders import make_bundle
from tests.support.markdown import plain
from tests.support.run_folders import write_answers
from tests.support.training_page import PAGE, OpenPage, texts

pytestmark = pytest.mark.usefixtures("fake_runs")


def test_a_finished_run_is_used_everywhere_and_one_click_goes_back(
    open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    run_id = make_run(name="mine", epochs_done=5, bundle=True)
    shipped = load_bundle(paths.SHIPPED_BUNDLE).hash
    write_answers(run_id, [True] * 90 + [False] * 10, in_use=(shipped, [True] * 71 + [False] * 29))
    choose(run_id)
    app = open_page(PAGE)
    assert not app.exception
    # Loss and accuracy, the classes, the learning rate: all of them are updated in place.
    assert len(app.get("component_instance")) == 3
    assert not app.get("plotly_chart")
    assert "A training loss above the validation loss is normal" in texts(app)
    app.button(key=f"training_use_{run_id}").click().run()
    assert "Live and Upload now use the model of 'mine'" in texts(app)
    assert current_bundle_path().parent.name == "mine"
    assert app.button(key=f"training_use_{run_id}").disabled
    app.button(key="training_shipped").click().run()
    assert current_bundle_path() == paths.SHIPPED_BUNDLE


def test_a_worse_model_is_used_only_when_its_user_insists(
    open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    run_id = make_run(name="mine", epochs_done=5, bundle={"confidence_threshold": 1.0})
    shipped = load_bundle(paths.SHIPPED_BUNDLE).hash
    write_answers(run_id, [True] * 28 + [False] * 72, in_use=(shipped, [True] * 71 + [False] * 29))
    choose(run_id)
    app = open_page(PAGE)
    app.button(key=f"training_use_{run_id}").click().run()
    (warning,) = app.warning
    for words in ("28", "71", "the 100 faces", "to all of these 100 faces", "Use it anyway?"):
        assert words in plain(warning.value), words
    assert serving.shipped_in_use()
    app.button(key=f"training_use_{run_id}_not").click().run()
    assert not app.warning
    app.button(key=f"training_use_{run_id}").click().run()
    app.button(key=f"training_use_{run_id}_anyway").click().run()
    assert not app.warning and not app.exception
    assert serving.run_in_use() == run_id
    assert "Live and Upload now use the model of 'mine'." in texts(app)


def test_a_model_that_fails_its_check_is_refused_with_a_sentence(
    open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    run_id = make_run(epochs_done=2, bundle=True)
    (layout.run_folder(run_id) / layout.BUNDLE / serving.PARITY_FILE).write_text("{}")
    choose(run_id)
    app = open_page(PAGE)
    app.button(key=f"training_use_{run_id}").click().run()
    app.button(key=f"training_use_{run_id}_anyway").click().run()
    assert "can't be checked" in plain(app.error[0].value)
    assert serving.shipped_in_use()


def test_runs_are_compared_even_with_equal_names_or_without_epochs(
    open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    choose(
        make_run(TrainConfig(seed=1), name="same", epochs_done=3),
        make_run(TrainConfig(seed=2), name="same", epochs_done=5),
        make_run(TrainConfig(seed=2), name="empty", state="failed"),
    )
    app = open_page(PAGE)
    assert not app.exception
    assert len(app.get("plotly_chart")) == 2
    results, differences = [table.value for table in app.dataframe]
    assert list(results.loc["Accuracy"]) == ["", "34.0 % on validation", "32.0 % on validation"]
    assert list(differences.index) == ["Seed"]
    assert differences.shape[1] == 3
    assert "'empty' can't be tested against the others: it has no model yet" in plain(texts(app))


def test_a_comparison_says_which_run_is_better_and_uses_it_in_place(
    open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    shipped = load_bundle(paths.SHIPPED_BUNDLE).hash
    good = make_run(TrainConfig(learning_rate=0.001), name="good", epochs_done=3, bundle=True)
    poor = make_run(TrainConfig(learning_rate=0.01), name="poor", epochs_done=3, bundle=True)
    write_answers(good, [True] * 90 + [False] * 10, in_use=(shipped, [True] * 71 + [False] * 29))
    write_answers(poor, [True] * 60 + [False] * 40, in_use=(shipped, [True] * 71 + [False] * 29))
    choose(good, poor)
    app = open_page(PAGE)
    said = plain(texts(app))
    assert "'good' is right most often: on 90.0 % of the 100 faces" in said
    assert "significantly better than 'poor' with 60.0 %" in said
    assert not app.info[-1].value.startswith("good"), "nothing is left untested"
    differing = app.dataframe[-1].value
    assert list(differing.loc["Learning rate"]) == ["0.01", "0.001"]
    app.button(key=f"training_use_{poor}").click().run()
    assert "60.0 %" in plain(app.warning[0].value)
    app.button(key=f"training_use_{good}").click().run()
    assert serving.run_in_use() == good
    assert app.button(key=f"training_use_{good}").disabled


def test_an_imported_model_is_validated_used_and_deleted(open_page: OpenPage, tmp_path: Path) -> None:
    make_bundle(tmp_path / "theirs")
    given = [
        (name, (tmp_path / "theirs" / name).read_bytes(), "application/octet-stream")
        for name in ("model.onnx", "bundle.json")
    ]
    app = open_page(PAGE)
    app.file_uploader[0].set_value([given[0]]).run()
    app.button(key="training_import").click().run()
    assert "Choose two files" in plain(app.error[0].value)
    app.file_uploader[0].set_value([("model.onnx", b"rubbish", "application/octet-stream"), given[1]]).run()
    app.button(key="training_import").click().run()
    assert "hash doesn't match" in plain(app.error[0].value)
    app.file_uploader[0].set_value(given).run()
    app.text_input(key="training_import_name").set_value("from the lab").run()
    app.button(key="training_import").click().run()
    assert not app.error
    assert "passed every check" in texts(app)
    app.button(key="training_import_use_from-the-lab").click().run()
    assert "It was never measured." in plain(app.warning[0].value)
    app.button(key="training_import_use_from-the-lab_anyway").click().run()
    assert "Live and Upload now use 'from-the-lab'." in texts(app)
    assert current_bundle_path().parent.name == "from-the-lab"
    app.button(key="training_import_delete_from-the-lab").click().run()
    assert "is in use" in plain(app.error[0].value)
    app.button(key="training_shipped").click().run()
    app.button(key="training_import_delete_from-the-lab").click().run()
    assert importing.list_imported() == []
