"""Send the metrics of a run to TensorBoard and MLflow, if they are installed."""

import dataclasses
import importlib
import importlib.util
import math
import os
from typing import Any, Final

from fer.runs import store
from fer.runs.config import TrainConfig
from fer.runs.session import RunSession
from fer.training.callback import Logger, Row

TENSORBOARD_FOLDER: Final = "tensorboard"


def metric_loggers(session: RunSession, config: TrainConfig) -> list[Logger]:
    """Return the loggers of a run: TensorBoard, and MLflow if `MLFLOW_TRACKING_URI` is set.

    A logger that can't be set up, or fails later, is named in the run's log and disabled. The run continues.
    """
    makers = []
    if importlib.util.find_spec("tensorboard"):
        makers.append(_tensorboard)
    if os.environ.get("MLFLOW_TRACKING_URI") and importlib.util.find_spec("mlflow"):
        makers.append(_mlflow)
    loggers = []
    for maker in makers:
        name = maker.__name__.strip("_")
        try:
            loggers.append(_careful(name, maker(session, config), session))
            session.say(f"metrics are also sent to {name}")
        except Exception as error:  # a run must not fail because of an optional library
            session.say(f"{name} is disabled: {error}")
    return loggers


def _careful(name: str, logger: Logger, session: RunSession) -> Logger:
    failed = False

    def log(row: Row) -> None:
        nonlocal failed
        if failed:
            return
        try:
            logger({key: value for key, value in row.items() if math.isfinite(value)})
        except Exception as error:  # as above
            failed = True
            session.say(f"{name} is disabled from now on: {error}")

    return log


def _tensorboard(session: RunSession, config: TrainConfig) -> Logger:
    writer = importlib.import_module("tensorboard.summary").Writer(str(session.folder / TENSORBOARD_FOLDER))

    def log(row: Row) -> None:
        for key, value in row.items():
            if key != "epoch":
                writer.add_scalar(key, value, step=int(row["epoch"]))
        writer.flush()

    return log


def _mlflow(session: RunSession, config: TrainConfig) -> Logger:
    mlflow: Any = importlib.import_module("mlflow")
    mlflow.set_experiment("fer")
    # Found by the run's id, so that a resumed run continues its curves.
    found = mlflow.search_runs(filter_string=f"tags.fer_run = '{session.folder.name}'", output_format="list")
    if found:
        mlflow.start_run(run_id=found[0].info.run_id)
    else:
        name = store.read_run(session.folder.name).name
        mlflow.start_run(run_name=name, tags={"fer_run": session.folder.name})
        mlflow.log_params(dataclasses.asdict(config))

    def log(row: Row) -> None:
        mlflow.log_metrics({key: value for key, value in row.items() if key != "epoch"}, step=int(row["epoch"]))

    return log
