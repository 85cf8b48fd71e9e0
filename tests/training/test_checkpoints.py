"""Checkpoints: complete or absent, the last two kept, damaged ones skipped."""

import dataclasses
import os

import keras
import numpy as np
import pytest
from keras import layers

from fer.errors import RunError
from fer.training.checkpoints import Best, TrainingState, newest_checkpoint, write_checkpoint


def network(width: int = 3) -> keras.Model:
    """Return a network with all kinds of state, trained for a step."""
    inputs = keras.Input((4,))
    x = layers.Dropout(0.5)(layers.BatchNormalization()(layers.Dense(width)(inputs)))
    made = keras.Model(inputs, layers.Dense(2)(x))
    made.compile(keras.optimizers.AdamW(0.01, use_ema=True), "mse")
    rng = np.random.default_rng(0)
    made.fit(rng.normal(size=(8, 4)), rng.normal(size=(8, 2)), batch_size=4, verbose=0)
    return made


def values(made: keras.Model) -> list[np.ndarray]:
    return [
        np.asarray(keras.ops.convert_to_numpy(variable)) for variable in (*made.variables, *made.optimizer.variables)
    ]


STATE = TrainingState(
    epoch=2,
    batch=5,
    epoch_seconds=1.5,
    epoch_loss=0.25,
    epoch_accuracy=0.5,
    history=({"epoch": 1.0, "loss": 2.0}, {"epoch": 2.0, "loss": float("nan")}),
    best=Best(1, 0.5, [[1, 2], [3, 4]]),
    seconds=12.5,
)


def test_a_networks_complete_state_is_restored_into_a_new_one(tmp_path):
    trained = network()
    weights = [np.full((2, 2), 7.0, np.float32)]
    write_checkpoint(tmp_path / "c", trained, STATE, weights)
    checkpoint, complaints = newest_checkpoint(tmp_path / "c")
    assert complaints == []
    assert repr(checkpoint.state) == repr(STATE)  # repr, because NaN is not NaN
    fresh = network()
    rng = np.random.default_rng(1)
    fresh.fit(rng.normal(size=(4, 4)), rng.normal(size=(4, 2)), verbose=0)
    assert any(not np.array_equal(a, b) for a, b in zip(values(fresh), values(trained), strict=True))
    checkpoint.restore(fresh)
    for got, wanted in zip(values(fresh), values(trained), strict=True):
        np.testing.assert_array_equal(got, wanted)
    # The random state is restored too, so the next step has the same dropout.
    x, y = rng.normal(size=(4, 4)), rng.normal(size=(4, 2))
    for one in (fresh, trained):
        one.fit(x, y, verbose=0, shuffle=False)
    for got, wanted in zip(values(fresh), values(trained), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-7)


def test_a_checkpoint_of_another_network_is_refused_with_a_sentence(tmp_path):
    write_checkpoint(tmp_path / "c", network(), STATE, [np.zeros(1)])
    checkpoint, _ = newest_checkpoint(tmp_path / "c")
    with pytest.raises(RunError, match="another version"):
        checkpoint.restore(network(width=5))


@pytest.fixture
def three(tmp_path):
    """Return a folder after three checkpoints, whose first epoch is the best, and the network."""
    made, folder = network(), tmp_path / "c"
    write_checkpoint(folder, made, TrainingState(epoch=1, best=Best(1, 0.5, [])), [np.full(3, 1.0)])
    for epoch in (2, 3):
        write_checkpoint(folder, made, TrainingState(epoch=epoch, best=Best(1, 0.5, [])), None)
    return folder, made


def test_the_last_two_and_the_best_weights_are_kept(three):
    folder, _ = three
    assert sorted(path.name for path in folder.iterdir()) == ["00002-0000000", "00003-0000000"]
    for path in folder.iterdir():
        with np.load(path / "best.npz") as best:
            np.testing.assert_array_equal(best["arr_0"], np.full(3, 1.0))


@pytest.mark.parametrize("name", ["variables.npz", "best.npz", "state.json", "sums.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_newest_checkpoint_is_reported_and_the_previous_one_used(three, name, damage):
    folder, made = three
    file = folder / "00003-0000000" / name
    data = bytearray(file.read_bytes())
    file.unlink()  # best.npz is a hard link, so its bytes must stay
    if damage == "flip":
        data[len(data) // 2] ^= 0xFF
    if damage != "gone":
        file.write_bytes(data if damage == "flip" else data[: len(data) // 2])
    checkpoint, complaints = newest_checkpoint(folder)
    assert checkpoint.state.epoch == 2
    (complaint,) = complaints
    assert "00003-0000000 is damaged" in complaint
    # Later checkpoints build on the restored one.
    write_checkpoint(folder, made, TrainingState(epoch=3, best=Best(1, 0.5, [])), None)
    checkpoint, complaints = newest_checkpoint(folder)
    assert (checkpoint.state.epoch, complaints) == (3, [])


def test_without_a_complete_checkpoint_there_is_none(three, tmp_path):
    folder, _ = three
    for path in folder.iterdir():
        (path / "sums.json").unlink()
    checkpoint, complaints = newest_checkpoint(folder)
    assert checkpoint is None
    assert len(complaints) == 2
    assert newest_checkpoint(tmp_path / "nothing") == (None, [])


@pytest.mark.parametrize("call", range(5))
def test_a_disk_that_fills_up_keeps_the_existing_checkpoints(three, monkeypatch, call):
    """The disk may be full at each of the files, and at the folder itself."""
    folder, made = three
    before = sorted(path.name for path in folder.iterdir())
    real, calls = os.fsync, 0

    def full(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == call + 1:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr("os.fsync", full)
    state = TrainingState(epoch=4, best=Best(4, 0.6, []))
    with pytest.raises(OSError, match="No space"):
        write_checkpoint(folder, made, state, [np.zeros(3)])
    assert sorted(path.name for path in folder.iterdir()) == before
    assert newest_checkpoint(folder)[0].state.epoch == 3


def test_the_remains_of_a_killed_writer_are_removed(three):
    folder, _ = three
    part = folder / ".00004-0000000.part"
    part.mkdir()
    (part / "variables.npz").write_bytes(b"half")
    assert newest_checkpoint(folder)[0].state.epoch == 3
    assert not part.exists()


def test_without_hard_links_the_best_weights_are_copied(three, monkeypatch):
    folder, made = three

    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fer.storage.files.os.link", refuse)
    state = dataclasses.replace(TrainingState(epoch=4), best=Best(1, 0.5, []))
    write_checkpoint(folder, made, state, None)
    assert newest_checkpoint(folder)[0].state.epoch == 4
