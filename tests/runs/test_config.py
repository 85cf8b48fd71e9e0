"""The settings: validated, stored and read back, and described for a form."""

import dataclasses
import json

import pytest

from fer.datasets.store import storage
from fer.datasets.store.storage import INFO_FILE, DatasetInfo
from fer.errors import ConfigError
from fer.runs.config import TrainConfig
from fer.runs.presets import GROUPS, PRESETS, label

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


@pytest.mark.parametrize("data", ["synthetic", "/x/fer2013.csv"])
def test_presets_fit_the_data_and_grow(data):
    quick, standard, best = (preset.settings(data) for preset in PRESETS)
    assert {quick.data, standard.data, best.data} == {data}
    assert quick.epochs >= 5
    assert quick.fraction == (1.0 if data == "synthetic" else 0.1)
    assert standard.fraction == best.fraction == 1
    assert quick.epochs < standard.epochs < best.epochs


@pytest.mark.parametrize(("n_per_class", "fraction", "batch_size"), [(714, 1.0, 16), (715, 0.1, 32)])
def test_the_quick_preset_uses_all_of_a_small_imported_dataset(tmp_path, n_per_class, fraction, batch_size):
    counts = ((n_per_class,) * 7, (0,) * 7, (9_000,) * 7)
    info = DatasetInfo("few", "few.zip", "image folders", "2026-01-01T00:00:00+00:00", "0" * 16, counts)
    (tmp_path / INFO_FILE).write_text(json.dumps({"format": storage._FORMAT, **dataclasses.asdict(info)}))

    quick = PRESETS[0].settings(str(tmp_path))

    assert (quick.fraction, quick.batch_size) == (fraction, batch_size)


def test_settings_under_their_old_names_are_read():
    values = json.loads(TrainConfig(start_from=("a",), init_weight=0.25, degradation=0.2).to_json())
    old = {{"init_weight": "start_share", "degradation": "degrading"}.get(name, name): values[name] for name in values}
    assert "start_share" in old and "degrading" in old
    assert TrainConfig.from_json(json.dumps(old)) == TrainConfig.from_json(json.dumps(values))
