"""Where state lives: everything a user makes is under `FER_HOME`, by default the checkout."""

import os
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parent.parent
SHIPPED_BUNDLE: Final = CHECKOUT / "model"


def home() -> Path:
    """The folder of the user's state: the environment variable `FER_HOME`, or the checkout."""
    return Path(os.environ.get("FER_HOME") or CHECKOUT).expanduser().resolve()


def runs_dir() -> Path:
    """The folder of training runs, `FER_HOME/runs`; it may not exist yet."""
    return home() / "runs"


def data_dir() -> Path:
    """The folder of data sets, `FER_HOME/data`; it may not exist yet."""
    return home() / "data"


def current_model_file() -> Path:
    """The file that names the model in use, `FER_HOME/runs/current.json`; absent means the shipped one."""
    return runs_dir() / "current.json"
