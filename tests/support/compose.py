"""What deploy/compose.yaml says, with the variables of an .env file filled in as compose does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from fer.paths import CHECKOUT

DEPLOY = CHECKOUT / "deploy"
# ${NAME}, ${NAME:-default}, ${NAME:?what to do}
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


class MissingVariableError(ValueError):
    """A variable without which nothing may start has no value."""


def env_example() -> dict[str, str]:
    """Return the variables of deploy/.env.example."""
    lines = (DEPLOY / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@dataclass(frozen=True)
class Service:
    """A service: what it runs, with which variables and folders, and everything else as it is written.

    Attributes:
        entrypoint, command: words; empty if the image's own apply.
        environment: variables.
        volumes: folders or volumes by their place in the container.
        written: all of it.
    """

    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    volumes: Mapping[str, str]
    written: Mapping[str, Any]


def services(variables: Mapping[str, str]) -> dict[str, Service]:
    """Return the services by their names.

    Args:
        variables: those of .env.

    Raises:
        MissingVariableError: a variable that compose demands is missing or empty.
    """
    written = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return {name: _service(_filled_in(service, variables)) for name, service in written["services"].items()}


def _service(written: Mapping[str, Any]) -> Service:
    places = (volume.split(":") for volume in written.get("volumes", []))
    return Service(
        tuple(written.get("entrypoint", ())),
        tuple(written.get("command", ())),
        written.get("environment", {}),
        {place[1]: place[0] for place in places},
        written,
    )


def _filled_in(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled_in(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled_in(item, variables) for item in value]
    return _VARIABLE.sub(lambda found: _value(found, variables), value) if isinstance(value, str) else value


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, kind, text = found.groups()
    value = variables.get(name, "")
    if not value and kind == "?":
        raise MissingVariableError(f"{name}: {text}")
    return value or (text if kind == "-" else "")
