"""Read `.streamlit/secrets.toml`, which Streamlit silently ignores if it isn't valid."""

import tomllib
from pathlib import Path
from typing import Any

import streamlit as st

from fer.errors import NetworkError


def read_secrets() -> dict[str, Any]:
    """Return all secrets; {} if there are none.

    Raises:
        NetworkError: a file of secrets can't be read. Ignoring it would turn login off and leave out servers.
    """
    for file in map(Path, st.get_option("secrets.files")):
        if file.is_dir():  # a file per secret, as Kubernetes mounts them
            continue
        try:
            tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            why = "isn't valid TOML" if isinstance(error, ValueError) else "can't be read"
            raise NetworkError(f"{file} {why}. Correct the file or remove it.") from error
    return st.secrets.to_dict() if st.secrets.load_if_toml_exists() else {}
