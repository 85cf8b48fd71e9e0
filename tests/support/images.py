"""The container images, built without a registry: Debian from its mirror, and deploy/Containerfile on top."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer.paths import CHECKOUT

_MIRROR = "http://deb.debian.org/debian"
_CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
_DEBIAN = ("--variant=minbase", "--include=python3,python3-venv,ca-certificates", "bookworm")
# What Debian keeps for later installations, and pages that nobody reads in a container.
_UNUSED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man")
_UNITS = {"MB": 10**6, "GB": 10**9}


@dataclass(frozen=True)
class Image:
    """A target of deploy/Containerfile in a storage below `folder`: its name there, and a container of it."""

    folder: Path
    name: str
    container: str

    def buildah(self, *words: str) -> str:
        """Run buildah and return what it prints."""
        return _buildah(self.folder, *words)

    def command(self, *words: str, options: tuple[str, ...] = ()) -> list[str]:
        """Return what runs a command in the container as the image's own user."""
        return [*_program(self.folder), "run", "--isolation", "chroot", *options, self.container, "--", *words]

    def run(self, *words: str) -> str:
        """Run a command in the container as the image's own user, and return what it prints."""
        return _output(self.command(*words))

    def size_bytes(self) -> float:
        (about,) = json.loads(self.buildah("images", "--json", self.name))
        number, unit = about["size"].split()
        return float(number) * _UNITS[unit]

    def settings(self) -> dict[str, Any]:
        """Return what the image says of itself: 'User', 'Entrypoint', 'Healthcheck', ..."""
        described = json.loads(self.buildah("inspect", "--type", "image", self.name))
        return dict(described["Docker"]["config"])


@contextmanager
def image_storage(folder: Path) -> Iterator[Path]:
    """Make a storage with Debian as the base of images, and delete everything afterwards."""
    try:
        _make_base(folder)
        yield folder
    finally:
        # Where the system can, buildah mounts layers over each other.
        subprocess.run(["umount", "--recursive", str(folder / "root" / "overlay")], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def built_image(folder: Path, target: str) -> Image:
    """Build a target of deploy/Containerfile in a storage."""
    name = f"localhost/fer:{target}"
    options = ("--format", "docker", "--isolation", "chroot", "--network", "host", "--build-arg", "BASE=localhost/base")
    _buildah(folder, "bud", *options, "--target", target, "-f", "deploy/Containerfile", "-t", name, ".")
    return Image(folder, name, _buildah(folder, "from", name))


def _program(folder: Path) -> list[str]:
    return ["buildah", "--root", str(folder / "root"), "--runroot", str(folder / "run")]


def _buildah(folder: Path, *words: str) -> str:
    return _output([*_program(folder), *words])


def _output(command: list[str]) -> str:
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout.strip()


def _make_base(folder: Path) -> None:
    system = folder / "system"
    subprocess.run(["debootstrap", *_DEBIAN, str(system), _MIRROR], check=True, capture_output=True)
    for name in _UNUSED:
        shutil.rmtree(system / name)
        (system / name).mkdir()
    # This machine's own certificates, where a proxy of its network has one.
    shutil.copy(f"/{_CERTIFICATES}", system / _CERTIFICATES)
    variables = ["PATH=/usr/local/bin:/usr/bin:/bin"]
    if "PIP_CERT" in os.environ:
        variables += [f"PIP_CERT=/{_CERTIFICATES}", f"SSL_CERT_FILE=/{_CERTIFICATES}"]
    container = _buildah(folder, "from", "scratch")
    _buildah(folder, "add", "--quiet", container, str(system), "/")
    _buildah(folder, "config", *(word for variable in variables for word in ("--env", variable)), container)
    _buildah(folder, "commit", "--quiet", "--rm", container, "localhost/base")
    shutil.rmtree(system)
