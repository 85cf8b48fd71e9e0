"""Act as a training of a sweep without a network: curves, a report and a checkpoint in milliseconds; `... ID`.

Its accuracy tells its settings: 0.5, its learning rate, and a hundredth per seed. A dropout of 0.8 runs out of memory,
and one of 0.7 ends the process. While FER_HOME has a file 'hold', it stays in its second epoch.
"""

import os
import sys
import time

from fer import paths
from fer.errors import RunError
from fer.runs import control, layout
from fer.runs.config import TrainConfig
from fer.runs.session import RunSession, StopRequested, running
from fer.runs.store import read_config
from fer.storage import files

COMMAND = [sys.executable, "-m", "tests.support.fake_training"]
OUT_OF_MEMORY, DEADLY = 0.8, 0.7
HOLD = "hold"


def install() -> None:
    """Have the runs that this process starts train nothing."""
    control.train_command = lambda config, run_id=None: [*COMMAND, str(run_id)]
    control.resume_command = lambda run_id: [*COMMAND, run_id]


def accuracy(config: TrainConfig) -> float:
    return 0.5 + config.learning_rate + 0.01 * config.seed


def main(run_id: str) -> None:
    folder = layout.run_folder(run_id)
    try:
        with running(folder) as session:
            train(session, read_config(run_id))
    except StopRequested:
        pass
    except RunError as error:
        sys.exit(str(error))


def train(session: RunSession, config: TrainConfig) -> None:
    checkpoint = session.folder / layout.CHECKPOINTS / "epoch"
    session.say(f"begins at epoch {checkpoint.read_text() if checkpoint.exists() else 0}")
    name = loaded(config.data)
    if config.dropout == OUT_OF_MEMORY:
        raise MemoryError
    checkpoint.parent.mkdir(exist_ok=True)
    checkpoint.write_text("1")
    write_curves(session, 1)
    session.update(now=True, doing="training", epoch=1, epochs=2, batches=10, best_epoch=1, best_accuracy=0.3)
    if config.dropout == DEADLY:
        os._exit(9)
    while (paths.home() / HOLD).exists():
        session.check_stop()
        time.sleep(0.02)
    write_curves(session, 2)
    value = accuracy(config)
    metrics = {"accuracy": value, "n": 70, "macro_f1": value - 0.1, "ece": 0.1, "log_loss": 2 - value}
    files.write_json(
        session.folder / layout.REPORT,
        {"epoch": 2, "seconds": 10.0 + config.seed, "metrics": {"test": metrics}, "data": {"name": name}},
    )
    session.update(now=True, epoch=2, epochs=2, best_epoch=2, best_accuracy=value)


def loaded(data: str) -> str:
    """Return the name of the faces, which have to be there."""
    if data == "synthetic":
        return data
    # Late: it imports numpy, which other trainings don't need.
    from fer.datasets.store.loading import load_dataset

    return load_dataset(data).name


def write_curves(session: RunSession, epochs: int) -> None:
    # The columns of `fer.runs.curves`, which imports pandas.
    rows = [f"{epoch},1.0,0.3,1.5,{0.1 * epoch},0.001,2.5" for epoch in range(1, epochs + 1)]
    lines = ["epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds", *rows]
    files.write_text(session.folder / layout.METRICS, "\n".join(lines) + "\n")


def dask_setup(worker: object) -> None:
    """Have the trainings of a worker that preloads this module train nothing."""
    install()


if __name__ == "__main__":
    main(sys.argv[1])
