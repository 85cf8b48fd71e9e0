"""The same figures for TensorBoard and MLflow, where they are installed; neither is needed."""

import dataclasses
import importlib
import importlib.util
import math
import os
from typing import Any, Final

from fer.runs import store
from fer.runs.config import TrainConfig
from fer.runs.session import RunSession
from fer.training.watch import Logger, Row

TENSORBOARD_FOLDER: Final = "tensorboard"


def metric_loggers(session: RunSession, config: TrainConfig) -> list[Logger]:
    """Who else is told each epoch's row: TensorBoard's files, and MLflow where `MLFLOW_TRACKING_URI` is set.

    One that cannot be set up, or fails later, is named in the log and left out; the run goes on.
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
            session.say(f"figures go to {name} as well")
        except Exception as error:  # whatever such a library raises is no reason for a run to fail
            session.say(f"{name} is left out: {error}")
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
            session.say(f"{name} is left out from now on: {error}")

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
    # The run's own id, so that a resumed run goes on with its curves.
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
