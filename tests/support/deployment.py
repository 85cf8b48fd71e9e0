"""What deploy/compose.yaml starts, started without compose: the app in a container, Caddy, and coturn.

The app, the relay with Caddy, and the viewer are in networks of their own. Commands and variables are those of the
file, so a mistake in it fails.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.caddy import HTTPS_PORT, NAME, running_caddy
from tests.support.compose import DEPLOY, Service, env_example, services
from tests.support.images import Image, built_image
from tests.support.login import ACCESS
from tests.support.network_namespaces import (
    APP,
    APP_ADDRESS,
    PUBLIC_ADDRESS,
    RELAY,
    VIEWER,
    networks,
    reaches,
    running,
    wait_until_reached,
    within,
)

URL = f"https://{NAME}"
TURN_SECRET = "the secret of both"
_ISSUER = f"http://{PUBLIC_ADDRESS}:9400"
_USER = 10001


@dataclass(frozen=True)
class Deployment:
    """A running deployment: the app's FER_HOME, and the folder of the logs."""

    state: Path
    logs: Path

    @property
    def coturn_log(self) -> str:
        return (self.logs / "coturn.log").read_text(errors="replace")


def settings(target: str, turn_secret: str = TURN_SECRET) -> dict[str, str]:
    """Return what someone has filled in in .env."""
    return {
        **env_example(),
        "FER_DOMAIN": NAME,
        "FER_EXTERNAL_IP": PUBLIC_ADDRESS,
        "FER_OIDC_METADATA_URL": f"{_ISSUER}/.well-known/openid-configuration",
        "FER_OIDC_CLIENT_ID": "fer",
        "FER_OIDC_CLIENT_SECRET": "secret",
        "FER_COOKIE_SECRET": "c" * 32,
        "FER_TURN_SECRET": turn_secret,
        "FER_TARGET": target,
        **{f"FER_{name.upper()}": ",".join(people) for name, people in ACCESS.items()},
    }


@contextmanager
def deployed(image_folder: Path, folder: Path, target: str) -> Iterator[Deployment]:
    """Build what compose would build, and run everything but the relay until the block ends.

    Args:
        image_folder: from `images.image_storage`.
        folder: gets the state and the logs.
        target: FER_TARGET.
    """
    planned = services(settings(target))
    image = built_image(image_folder, planned["app"].written["build"]["target"])
    assert planned["app"].written["image"] == image.name.removeprefix("localhost/")
    state = folder / "state"
    state.mkdir()
    os.chown(state, _USER, _USER)
    names = planned["caddy"].environment
    (app_name, app_port) = names["FER_REPLICAS"].split(":")
    with (
        networks(NAME, app_name),
        running(_provider(), folder / "provider.log"),
        running(_app_command(image, planned["app"], state), folder / "app.log") as app,
        running_caddy(folder, [names["FER_REPLICAS"]], HTTPS_PORT, within(RELAY)),
    ):
        assert names["FER_DOMAIN"] == NAME
        health = f"http://{APP_ADDRESS}:{app_port}/_stcore/health"
        wait_until_reached(APP, f"http://127.0.0.1:{app_port}/_stcore/health", app, folder / "app.log")
        assert not reaches(VIEWER, health), "the viewer reaches the app past Caddy"
        yield Deployment(state, folder)


@contextmanager
def relay(folder: Path, turn_secret: str = TURN_SECRET) -> Iterator[None]:
    """Run coturn as compose does until the block ends."""
    service = services(settings("serve", turn_secret))["coturn"]
    places = {place: str(DEPLOY / source) for place, source in service.volumes.items()}
    command = ["turnserver", *(places.get(word, word) for word in service.command)]
    with running([*within(RELAY), *command, "--log-file=stdout", "--simple-log", "-v"], folder / "coturn.log"):
        yield


def _app_command(image: Image, service: Service, state: Path) -> list[str]:
    """Return what starts the app in its network, with a root filesystem that nothing can write to."""
    assert service.written["read_only"] and service.written["tmpfs"] == ["/tmp"]
    assert service.written["networks"]["inside"]["ipv4_address"] == APP_ADDRESS
    # The folders of batches are empty.
    assert dict(service.volumes) == {"/data": "state", "/tls": "./tls", "/batch": "./batch"}
    # buildah would use a folder of its own for a volume that the image names.
    image.buildah("config", "--volume", "/data-", image.container)
    root = image.buildah("mount", image.container)
    # buildah makes this file, and couldn't any more.
    Path(root, "run", ".containerenv").touch()
    read_only = f"mount --bind {root} {root} && mount -o remount,bind,ro {root} && mount -t tmpfs tmpfs {root}/tmp"
    words = image.command(
        *("env", *(f"{name}={value}" for name, value in service.environment.items())),
        *(*image.settings()["Entrypoint"], *service.command),
        options=("--volume", f"{state}:/data", *(f"--cap-drop={name}" for name in service.written["cap_drop"])),
    )
    return [*within(APP), "unshare", "--mount", "sh", "-c", f'{read_only} && exec "$@"', "sh", *words]


def _provider() -> list[str]:
    people = [f"{name}@example.org" for name in ("viewer", "trainer", "other")]
    users: list[Mapping[str, str]] = [{"sub": person, "email": person} for person in people]
    claims = [word for user in users for word in ("--user-claims", json.dumps(user))]
    port = _ISSUER.rpartition(":")[2]
    return [*within(RELAY), sys.executable, "-m", "oidc_provider_mock", "-H", "0.0.0.0", "-p", port, *claims]
