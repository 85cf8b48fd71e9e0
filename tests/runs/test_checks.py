"""Settings that are refused before a run is created."""

import sys
from collections import namedtuple
from pathlib import Path

import pytest

from fer import paths
from fer.errors import BundleError, ConfigError
from fer.runs import checks
from fer.runs.checks import absolute_path, require_startable, typed_path
from fer.runs.config import MODELS, TrainConfig
from fer.text import MB
from tests.support.builders import make_bundle

Usage = namedtuple("Usage", "total used free")


def test_the_defaults_can_be_started_even_without_a_state_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_HOME", str(tmp_path / "not" / "yet"))
    require_startable(TrainConfig())


@pytest.mark.parametrize(
    ("program", "command"),
    [("/installed/_dashboard", 'pip install "fer-dashboard[training]"'), (None, "pip install -r requirements.txt")],
)
def test_a_missing_library_is_named_with_how_to_install_it(home, monkeypatch, program, command):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    monkeypatch.setattr(paths, "PROGRAM", program or paths.CHECKOUT)
    with pytest.raises(ConfigError) as raised:
        require_startable(TrainConfig())
    assert str(raised.value) == f"Training needs tf2onnx. To install, type: {command}"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"data": "/gone/fer2013.csv"}, "data: there is nothing at '/gone/fer2013.csv'"),
        ({"data": "unheard-of"}, "data: there is nothing at 'unheard-of'"),
        ({"votes": "/gone/fer2013new.csv"}, "votes: there is no file '/gone/fer2013new.csv'"),
        ({"votes": "/"}, "votes: there is no file '/'"),
        ({"labels": "0=bored"}, "labels: The label order '0=bored' can't be read at '0=bored'"),
        ({"votes": __file__}, "isn't a FER. file: its first line"),
    ],
)
def test_a_missing_file_is_refused_with_its_setting(home, settings, sentence):
    with pytest.raises(ConfigError, match=sentence):
        require_startable(TrainConfig(**settings))


def test_data_are_found_by_path_and_by_name(home, tmp_path):
    (home / "data" / "mine").mkdir(parents=True)
    (tmp_path / "faces.csv").touch()
    for data in ("mine", str(home / "data" / "mine"), str(tmp_path / "faces.csv")):
        require_startable(TrainConfig(data=data))


@pytest.mark.parametrize("setting", ["data", "votes", "start_from", "teacher"])
@pytest.mark.parametrize("text", ["~nosuchuser/x", "x" * 5000, "/" + "x/" * 3000])
def test_an_impossible_path_gives_one_sentence(home, setting, text):
    with pytest.raises(ConfigError, match=f"{setting}: '.{{1,83}}' can't be a path") as caught:
        require_startable(TrainConfig(**{setting: (text,) if setting in MODELS else text}))
    assert len(str(caught.value)) < 200
    with pytest.raises(ConfigError, match="type another path"):
        typed_path(setting, text)


def test_a_path_becomes_absolute_and_a_dataset_keeps_its_name(home, tmp_path, monkeypatch):
    (home / "data" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert absolute_path("data", "mine") == str(home / "data" / "mine")
    (tmp_path / "mine").mkdir()
    assert absolute_path("data", "mine") == str(tmp_path / "mine")
    assert absolute_path("votes", "new.csv") == str(tmp_path / "new.csv")
    assert absolute_path("votes", "~/new.csv") == "/home/me/new.csv"


def test_a_model_to_start_from_has_weights_for_this_network(home, tmp_path):
    with pytest.raises(BundleError, match="There is no model"):
        require_startable(TrainConfig(start_from=(str(tmp_path),)))
    bundle = make_bundle(tmp_path / "theirs", network={"name": "residual"})
    require_startable(TrainConfig(start_from=(str(bundle.path),)))
    with pytest.raises(ConfigError, match="is a residual network and this run trains a baseline"):
        require_startable(TrainConfig(start_from=(str(bundle.path),), network="baseline"))
    without = make_bundle(tmp_path / "served")
    values = (without.path / "bundle.json").read_text()
    (without.path / "model.keras").unlink()
    with pytest.raises(BundleError, match="lacks its file"):
        require_startable(TrainConfig(start_from=(str(without.path),)))
    assert "model.keras" in values
    from fer.recognition.bundle import write_bundle

    write_bundle(without)
    with pytest.raises(ConfigError, match=r"has no model\.keras to continue from"):
        require_startable(TrainConfig(start_from=(str(without.path),)))


def test_each_of_several_models_must_exist_and_fit(home, tmp_path):
    good, other = (str(make_bundle(tmp_path / name, network={"name": name}).path) for name in ("residual", "baseline"))
    require_startable(TrainConfig(start_from=(good,), teacher=(good, other)))
    with pytest.raises(ConfigError, match="is a baseline network and this run trains a residual"):
        require_startable(TrainConfig(start_from=(good, other)))
    with pytest.raises(BundleError, match="There is no model"):
        require_startable(TrainConfig(teacher=(good, str(tmp_path / "gone"))))


def test_a_weight_of_the_initial_model_needs_an_initial_model(home):
    with pytest.raises(ConfigError, match="init_weight: choose a model to start from"):
        require_startable(TrainConfig(init_weight=0.5))


def test_a_teacher_must_exist(home, tmp_path):
    with pytest.raises(BundleError, match="There is no model"):
        require_startable(TrainConfig(teacher=(str(tmp_path),)))
    require_startable(TrainConfig(teacher=(str(make_bundle(tmp_path / "theirs").path),)))


def test_a_nearly_full_disk_is_refused_with_its_free_space(home: Path, monkeypatch):
    asked = []
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda folder: asked.append(folder) or Usage(1e9, 0, 399 * MB))
    with pytest.raises(ConfigError, match="Only 399 MB are free"):
        require_startable(TrainConfig())
    assert asked == [home]
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda folder: Usage(1e9, 0, 401 * MB))
    require_startable(TrainConfig())
