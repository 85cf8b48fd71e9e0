"""Streamlit reads the settings that keep photos private, errors readable and streams smooth."""

import tomllib

import pytest
from streamlit import config

from fer.paths import CHECKOUT

SETTINGS = tomllib.loads((CHECKOUT / ".streamlit" / "config.toml").read_text("utf-8"))


def flat(section: dict[str, object], prefix: str = "") -> dict[str, object]:
    values: dict[str, object] = {}
    for name, value in section.items():
        if isinstance(value, dict):
            values |= flat(value, f"{prefix}{name}.")
        else:
            values[f"{prefix}{name}"] = value
    return values


@pytest.mark.parametrize("option", flat(SETTINGS))
def test_streamlit_knows_the_option(option: str) -> None:
    """Streamlit only logs a misspelt option."""
    assert option in config.get_config_options()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("server.address", "127.0.0.1"),
        ("server.maxUploadSize", 400),
        ("server.fileWatcherType", "none"),
        ("server.showEmailPrompt", False),
        ("browser.gatherUsageStats", False),
        ("client.showErrorDetails", "none"),
        ("client.showSidebarNavigation", False),
        ("runner.postScriptGC", False),
    ],
)
def test_options_that_pages_rely_on_are_set(option: str, value: object) -> None:
    assert flat(SETTINGS)[option] == value


def test_the_example_of_secrets_is_valid_toml_and_sets_nothing() -> None:
    example = (CHECKOUT / ".streamlit" / "secrets.toml.example").read_text("utf-8")
    assert tomllib.loads(example) == {}
