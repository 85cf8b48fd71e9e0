"""Files of deploy/ against the program and each other: every path, option and variable that one names exists.

`make deploy-test` runs them.
"""

import re
import shlex
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest
import yaml

from fer.paths import CHECKOUT
from tests.support.compose import DEPLOY, MissingVariableError, env_example, services

_FILLED_IN = {name: value or "filled-in" for name, value in env_example().items()}
_COMPOSE = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
# What the administrator fills.
_FILLED = {"./tls", "./batch", "./.env"}
_PYTHON = r"(/opt/fer/\.venv/bin/python|python3)"


def test_every_variable_of_compose_is_in_the_example_and_explained_there() -> None:
    # What mustn't be empty, and has a default where it isn't set, is a comment.
    optional = set(re.findall(r"^# (FER_\w+)=", (DEPLOY / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+)", _COMPOSE)) == set(env_example()) | optional


def test_caddy_gets_the_replicas_of_the_settings() -> None:
    assert services(_FILLED_IN)["caddy"].environment["FER_REPLICAS"] == "app:8501"
    several = {**_FILLED_IN, "FER_REPLICAS": "app:8501 app-2:8501"}
    assert services(several)["caddy"].environment["FER_REPLICAS"] == "app:8501 app-2:8501"


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\$\{(\w+):\?", _COMPOSE))))
def test_nothing_starts_without_a_secret(name: str) -> None:
    with pytest.raises(MissingVariableError, match=name):
        services({**_FILLED_IN, name: ""})


@pytest.mark.parametrize("name", ["app", "batch"])
def test_what_chooses_weights_gets_the_administrators_choice(name: str) -> None:
    assert services({**_FILLED_IN, "FER_WEIGHTS": "int8"})[name].environment["FER_WEIGHTS"] == "int8"
    assert services({**_FILLED_IN, "FER_WEIGHTS": ""})[name].environment["FER_WEIGHTS"] == ""


def test_the_example_has_no_secret() -> None:
    assert {name for name, value in env_example().items() if "SECRET" in name and value} == set()


@pytest.mark.parametrize("name", sorted(services(_FILLED_IN)))
def test_a_service_names_files_that_exist(name: str) -> None:
    service = services(_FILLED_IN)[name]
    files = {source for source in service.volumes.values() if source.startswith("./")} - _FILLED
    assert [source for source in files if not (DEPLOY / source).is_file()] == []
    if build := service.written.get("build"):
        containerfile = (DEPLOY / build["context"] / build["dockerfile"]).read_text(encoding="utf-8")
        assert re.search(rf"^FROM \w+ AS {build['target']}$", containerfile, re.MULTILINE)


def _unit(name: str) -> dict[str, str]:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((DEPLOY / "systemd" / name).read_text(encoding="utf-8"))
    return dict(parser["Service"])


def _program_words() -> dict[str, list[str]]:
    """Return each command of ours or of Dask that compose and the unit run."""
    found = services(_FILLED_IN)
    entrypoint = re.search(r"ENTRYPOINT \[(.*)\]", (DEPLOY / "Containerfile").read_text(encoding="utf-8"))
    assert entrypoint
    image = [word.strip(' "') for word in entrypoint[1].split(",")]
    words = {
        name: [*(service.entrypoint or image), *service.command]
        for name, service in found.items()
        if service.written["image"].startswith("fer:")
    }
    return {**words, "fer.service": shlex.split(_unit("fer.service")["ExecStart"])}


@pytest.mark.parametrize("name", sorted(_program_words()))
def test_a_command_has_only_options_that_exist(name: str) -> None:
    words = _program_words()[name]
    if words[0] != "dask":
        assert words[1] == "-m" and re.fullmatch(_PYTHON, words[0])
        words = words[2:]
    program, command, *rest = words
    done = subprocess.run(
        [sys.executable, "-m", program, command, "--help"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    given = {word.partition("=")[0] for word in rest if word.startswith("--")}
    assert given and given <= set(re.findall(r"--[a-z][a-z-]*", done.stdout))


def test_the_unit_and_compose_give_the_app_the_same_variables() -> None:
    """What compose derives from .env, docs/deploy.md tells the administrator to write.

    Without containers, the proxy is on the app's own machine, which is believed anyway.
    """
    derived = set(services(_FILLED_IN)["app"].environment) - set(env_example()) - {"FER_PROXIES"}
    text = (CHECKOUT / "docs" / "deploy.md").read_text(encoding="utf-8")
    assert [name for name in derived if not re.search(rf"^{name}=", text, re.MULTILINE)] == []
    assert _unit("caddy.conf")["Environment"].startswith("FER_REPLICAS=")
    for name in ("fer.service", "caddy.conf"):
        assert _unit(name)["EnvironmentFile"] == "/etc/fer/fer.env"


def test_the_web_server_gets_no_secret_and_its_journal_no_variable() -> None:
    unit = _unit("caddy.conf")
    secrets = {name for name in env_example() if "SECRET" in name}
    assert len(secrets) == 3 and set(unit["UnsetEnvironment"].split()) == secrets
    assert unit["ExecStart"] == "/usr/bin/caddy run --config /etc/caddy/Caddyfile"
    assert not {name for name in services(_FILLED_IN)["caddy"].environment if "SECRET" in name}


def test_what_the_unit_writes_is_its_state() -> None:
    unit = _unit("fer.service")
    assert f"FER_HOME=/var/lib/{unit['StateDirectory']} " in unit["Environment"]
    assert unit["WorkingDirectory"] == "/opt/fer" and unit["ProtectSystem"] == "strict"


def test_the_caddyfile_has_the_variables_that_it_is_given() -> None:
    used = set(re.findall(r"\{\$(\w+)", (DEPLOY / "Caddyfile").read_text(encoding="utf-8")))
    assert used == set(services(_FILLED_IN)["caddy"].environment)


def test_the_app_believes_the_proxy_in_its_network() -> None:
    """And no other one: an address outside of it could be a visitor's."""
    networks = yaml.safe_load(_COMPOSE)["networks"]["inside"]["ipam"]["config"]
    assert services(_FILLED_IN)["app"].environment["FER_PROXIES"] == ",".join(one["subnet"] for one in networks)
    assert services(_FILLED_IN)["caddy"].written["networks"] == ["inside"]


def test_the_app_is_not_the_first_process_of_its_container() -> None:
    """It wouldn't receive SIGTERM while it starts, and trainings that lost their parent would stay as zombies."""
    assert services(_FILLED_IN)["app"].written["init"] is True


def test_the_relay_reaches_the_apps_address() -> None:
    inside = services(_FILLED_IN)["app"].written["networks"]["inside"]["ipv4_address"]
    lines = (DEPLOY / "turnserver.conf").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("allowed-peer-ip")] == [f"allowed-peer-ip={inside}"]


def test_the_docs_name_files_of_deploy_that_exist() -> None:
    text = (CHECKOUT / "docs" / "deploy.md").read_text(encoding="utf-8")
    named = set(re.findall(r"deploy/[\w./-]*\w", text)) - {f"deploy/{name[2:]}" for name in _FILLED}
    assert len(named) > 5 and [name for name in named if not Path(CHECKOUT, name).exists()] == []
