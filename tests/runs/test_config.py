"""The settings: validated, stored and read back, and described for a form."""

import dataclasses
import json

import pytest

from fer.datasets.store import storage
from fer.datasets.store.storage import INFO_FILE, DatasetInfo
from fer.datasets.synthetic import make_synthetic
from fer.errors import ConfigError
from fer.paths import SHIPPED_BUNDLE
from fer.recognition.bundle import load_bundle
from fer.runs.config import TrainConfig
from fer.runs.data_size import training_images
from fer.runs.presets import GROUPS, PRESETS, label
from tests.support.forms import csv_lines

NUMBERS = [item for item in dataclasses.fields(TrainConfig) if item.metadata["low"] is not None]
CHOICES = [item for item in dataclasses.fields(TrainConfig) if item.metadata["choices"]]


@pytest.mark.parametrize("item", NUMBERS, ids=lambda item: item.name)
def test_a_number_out_of_its_range_is_refused_with_the_range(item):
    for value in (item.metadata["low"] - 1, item.metadata["high"] + 1, float("nan"), "3", None, True):
        with pytest.raises(ConfigError, match=rf"{item.name}: choose a (whole )?number from"):
            TrainConfig(**{item.name: value})


@pytest.mark.parametrize("item", NUMBERS, ids=lambda item: item.name)
def test_the_ends_of_a_range_are_allowed(item):
    for value in (item.metadata["low"], item.metadata["high"]):
        kind = int if isinstance(item.default, int) else float
        # A warm-up must be shorter than the run.
        room = {"epochs": 1000} if item.name == "warmup_epochs" else {"warmup_epochs": 0.0}
        TrainConfig(**(room | {item.name: kind(value)}))


def test_an_integer_setting_refuses_fractions():
    with pytest.raises(ConfigError, match="epochs: choose a whole number"):
        TrainConfig(epochs=3.5)


@pytest.mark.parametrize("item", CHOICES, ids=lambda item: item.name)
def test_an_unknown_choice_is_refused_with_the_known_ones(item):
    with pytest.raises(ConfigError, match=f"{item.name}: choose one of {item.default}|{item.name}: choose one of"):
        TrainConfig(**{item.name: "something else"})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"warmup_epochs": 5.0, "epochs": 5}, "warmup_epochs: choose fewer than the run's 5 epochs"),
        ({"flip": 1}, "flip: choose true or false"),
        ({"data": " "}, "data: choose a file"),
    ],
)
def test_contradicting_settings_are_refused_with_a_sentence(values, sentence):
    with pytest.raises(ConfigError, match=sentence):
        TrainConfig(**values)


def test_stored_settings_are_read_back():
    config = TrainConfig(data="/a/b.csv", votes="/v", epochs=3, mixup=0.25, flip=False, start_from=("/m", "/n"), seed=9)
    assert TrainConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize("text", ["", "[]", "{", '{"epochs": 3, "unheard_of": 1}', '{"epochs": 0}'])
def test_stored_settings_that_do_not_fit_are_refused_in_a_sentence(text):
    with pytest.raises(ConfigError):
        TrainConfig.from_json(text)


@pytest.mark.parametrize("stored", [5, True, {"a": 1}, [1], [""], ["/m", "/m"]])
def test_stored_models_are_a_list_of_different_folders(stored):
    with pytest.raises(ConfigError, match=r"teacher: choose (a list of model folders|each model once)"):
        TrainConfig.from_json(json.dumps({"teacher": stored}))


@pytest.mark.parametrize(("stored", "read"), [("/m", ("/m",)), (None, ()), ("", ()), (["/m", "/n"], ("/m", "/n"))])
def test_settings_with_a_single_model_are_read(stored, read):
    assert TrainConfig.from_json(json.dumps({"start_from": stored})).start_from == read


def test_older_settings_get_the_defaults_of_new_ones():
    values = json.loads(TrainConfig(epochs=3).to_json())
    del values["deterministic"]
    assert TrainConfig.from_json(json.dumps(values)) == TrainConfig(epochs=3)


def test_the_form_has_every_setting_once_with_help():
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(item.name for item in dataclasses.fields(TrainConfig))
    assert all(item.metadata["help"] for item in dataclasses.fields(TrainConfig))
    assert label("learning_rate") == "Learning rate"


def imported(folder, n_train):
    """Make a folder that says of itself that it holds a dataset with so many training images."""
    counts = ((n_train, *(0,) * 6), (0,) * 7, (9_000,) * 7)
    info = DatasetInfo("some", "some.zip", "image folders", "2026-01-01T00:00:00+00:00", "0" * 16, counts)
    (folder / INFO_FILE).write_text(json.dumps({"format": storage._FORMAT, **dataclasses.asdict(info)}))
    return str(folder)


@pytest.mark.parametrize("data", ["synthetic", "/x/fer2013.csv"])
def test_presets_fit_the_data_and_grow(data):
    quick, standard, best, fine_tuning = (preset.settings(data) for preset in PRESETS)
    assert {quick.data, standard.data, best.data, fine_tuning.data} == {data}
    assert quick.network == "light" and standard.network == best.network == "residual"
    assert quick.fraction == standard.fraction == best.fraction == 1
    assert quick.epochs <= standard.epochs < best.epochs


@pytest.mark.parametrize(
    ("n_train", "fraction", "epochs", "batch_size"),
    [
        (100, 1.0, 30, 16),
        (4_999, 1.0, 30, 16),
        (5_000, 1.0, 30, 64),
        (10_000, 1.0, 17, 64),
        (28_709, 1.0, 6, 64),
        (100_000, 0.34, 5, 64),
        (10_000_000, 0.01, 5, 64),
    ],
)
def test_a_quick_look_at_any_dataset_shows_about_as_many_faces(tmp_path, n_train, fraction, epochs, batch_size):
    quick = PRESETS[0].settings(imported(tmp_path, n_train))
    assert (quick.fraction, quick.epochs, quick.batch_size) == (fraction, epochs, batch_size)


def test_the_size_of_a_csv_is_estimated_from_its_bytes(tmp_path):
    file = tmp_path / "faces.csv"
    lines = csv_lines(make_synthetic(80, 10, 10))
    file.write_text("\n".join(lines * 50))
    assert training_images(str(file)) == pytest.approx(4_000, rel=0.15)
    assert training_images(str(tmp_path / "gone.csv")) is None
    assert training_images(str(tmp_path)) is None


def test_the_synthetic_faces_are_as_many_as_the_presets_assume():
    assert training_images("synthetic") == len(make_synthetic().split("train"))


def test_fine_tuning_starts_from_the_shipped_model_and_keeps_what_it_knows(tmp_path):
    few, many = (PRESETS[3].settings(imported(tmp_path, n_train)) for n_train in (1_000, 28_709))
    for config in (few, many):
        assert config.start_from == config.teacher == (str(SHIPPED_BUNDLE),)
        assert config.network == load_bundle(SHIPPED_BUNDLE).network["name"]
        assert config.init_weight > 0 and config.learning_rate < TrainConfig().learning_rate / 4
    assert (few.epochs, few.fraction) == (15, 1.0)
    assert (many.epochs, many.fraction) == (2, 0.44)


def test_settings_under_their_old_names_are_read():
    values = json.loads(TrainConfig(start_from=("a",), init_weight=0.25, degradation=0.2).to_json())
    old = {{"init_weight": "start_share", "degradation": "degrading"}.get(name, name): values[name] for name in values}
    assert "start_share" in old and "degrading" in old
    assert TrainConfig.from_json(json.dumps(old)) == TrainConfig.from_json(json.dumps(values))
