"""Where the program's files and the user's files are.

Program files (`app.py`, `pages/`, `model/`, `.streamlit/`) are read only. They stand at the top of a checkout, and in
`fer/_dashboard` of an installed package. Everything a user makes is under `home()`.
"""

import os
from pathlib import Path
from typing import Final

import platformdirs

from fer.errors import ConfigError

APP_NAME: Final = "fer-dashboard"
_PACKAGE: Final = Path(__file__).resolve().parent
# The root of the checkout. In an installed package this is site-packages, which holds no app.py.
CHECKOUT: Final = _PACKAGE.parent


def _find_program() -> Path:
    installed = _PACKAGE / "_dashboard"
    return installed if installed.is_dir() else CHECKOUT


PROGRAM: Final = _find_program()
SHIPPED_BUNDLE: Final = PROGRAM / "model"


def home() -> Path:
    """Return the folder of the user's state; it may not exist yet.

    It is `FER_HOME` if that is set, else the checkout, else (in an installed package) the platform's folder for user
    data, such as `~/.local/share/fer-dashboard`.

    Raises:
        ConfigError: FER_HOME starts with the name of a user who doesn't exist.
    """
    chosen = os.environ.get("FER_HOME")
    if chosen:
        try:
            return Path(chosen).expanduser().resolve()
        except RuntimeError as error:
            raise ConfigError(
                f"FER_HOME: '{chosen}' names no user's folder; set it to the path of a folder."
            ) from error
    return CHECKOUT if PROGRAM == CHECKOUT else platformdirs.user_data_path(APP_NAME, appauthor=False)


def keep_fonts_at_home() -> None:
    """Have matplotlib write its list of fonts below `home()` in this process and its children.

    Otherwise it goes to the user's own folders, whichever package imports matplotlib. A folder that the user has chosen
    stays. Only programs call this: who imports `fer` has settings of their own for matplotlib.
    """
    os.environ.setdefault("MPLCONFIGDIR", str(home() / ".matplotlib"))


def typed(words: str) -> str:
    """Return a command of the command line as its user types it, for hints in messages and on pages.

    An installed package has the command `fer`. In a checkout it may not be on the PATH.

    Args:
        words: what follows the program's name, such as 'runs resume ID'.
    """
    return f"python -m fer {words}" if PROGRAM == CHECKOUT else f"fer {words}"


def runs_dir() -> Path:
    """Return the folder of training runs, `runs` under `home()`; it may not exist yet."""
    return home() / "runs"


def data_dir() -> Path:
    """Return the folder of datasets, `data` under `home()`; it may not exist yet."""
    return home() / "data"


def current_model_file() -> Path:
    """Return the file that names the model in use, `runs/current.json`; without it the shipped model is used."""
    return runs_dir() / "current.json"
