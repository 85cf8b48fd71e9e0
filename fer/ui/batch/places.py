"""The folders and the scheduler that the settings of this app allow now."""

import os

from fer.batch.allowed import Allowed, allowed
from fer.paths import data_dir
from fer.ui.secrets import read_secrets


def allowed_now() -> Allowed:
    """Return what `.streamlit/secrets.toml` and the environment allow.

    Raises:
        FerError: a setting has the wrong form, or the secrets can't be read.
    """
    return allowed(read_secrets(), os.environ, data_dir())
