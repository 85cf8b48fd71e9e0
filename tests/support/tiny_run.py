"""`python -m tests.support.tiny_run COMMAND ...`: the command line with a network that trains in a second.

The environment variable SABOTAGE names what goes wrong and when, 'POINT:COUNT': the COUNT-th time that the run gets to
POINT. The program doesn't know about it.
"""

import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

from keras import layers

from fer.cli import main
from fer.training import callback, checkpoints, networks
from fer.training import run as training_run
from fer.training.batches import TrainingBatches


def tiny_body(x: Any, norm: Callable[..., Any], dropout: float) -> Any:
    """Two convolutions with everything that the large network has: normalisation, dropout, features, pooling."""
    x = layers.Conv2D(16, 5, strides=4, use_bias=False)(x)
    x = layers.ReLU()(norm()(x))
    x = layers.Conv2D(32, 3, strides=2)(x)
    x = layers.ReLU(name=networks.FEATURES)(norm()(x))
    return layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))


def install(sabotage: str) -> None:
    """Make the named operation fail."""
    point, _, number = sabotage.partition(":")
    count = int(number or 1)

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def terminate() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    def full() -> None:
        raise OSError(28, "No space left on device")

    def memory() -> None:
        raise MemoryError

    points: dict[str, tuple[Any, str, Callable[[], None], bool]] = {
        # name: (where, what, effect, whether it happens before the real operation)
        "kill-in-epoch": (callback.RunCallback, "on_train_batch_end", die, False),
        "terminate-in-epoch": (callback.RunCallback, "on_train_batch_end", terminate, True),
        # The first of two per checkpoint: the variables are written, the state isn't.
        "kill-in-save": (checkpoints, "_write_json", die, True),
        "kill-between-save-and-row": (callback, "write_metrics", die, True),
        "kill-in-export": (training_run, "bundle_run", die, True),
        "no-space": (checkpoints, "_write_json", full, True),
        "no-memory": (callback, "validate_epoch", memory, True),
    }
    if point == "small-files":
        import resource  # POSIX only, like these signals

        resource.setrlimit(resource.RLIMIT_FSIZE, (count, count))
    elif point == "nan":
        _corrupt_batches(count)
    else:
        _strike(*points[point], count)


def _strike(owner: Any, name: str, effect: Callable[[], None], before: bool, count: int) -> None:
    real, calls = getattr(owner, name), 0

    def struck(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count and before:
            effect()
        result = real(*args, **kwargs)
        if calls == count:
            effect()
        return result

    setattr(owner, name, struck)


def _corrupt_batches(epoch: int) -> None:
    real = TrainingBatches.__getitem__

    def corrupted(self: TrainingBatches, index: int) -> Any:
        images, targets, weights = real(self, index)
        if self._epoch == epoch:
            weights = {name: weight * float("nan") for name, weight in weights.items()}
        return images, targets, weights

    TrainingBatches.__getitem__ = corrupted


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command given by the arguments, by default those of this process."""
    networks._BODIES["residual"] = tiny_body
    if os.environ.get("SABOTAGE"):
        install(os.environ["SABOTAGE"])
    main(arguments)


if __name__ == "__main__":
    run()
