"""The container image, built without a registry: Debian from its mirror, and deploy/Containerfile on top."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fer.paths import CHECKOUT

_MIRROR = "http://deb.debian.org/debian"
_CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
_DEBIAN = ("--variant=minbase", "--include=python3,python3-venv,ca-certificates", "bookworm")
# What Debian keeps for later installations, and pages that nobody reads in a container.
_UNUSED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man")


@dataclass(frozen=True)
class Image:
    """An image in a storage of its own below `folder`."""

    folder: Path

    def buildah(self, *words: str) -> str:
        """Run buildah and return what it prints."""
        storage = ("--root", str(self.folder / "root"), "--runroot", str(self.folder / "run"))
        command = ["buildah", "--storage-driver", "vfs", *storage, *words]
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout.strip()

    def run(self, container: str, *words: str) -> str:
        """Run a command in a container as the image's own user, and return what it prints."""
        return self.buildah("run", "--isolation", "chroot", container, "--", *words)


@contextmanager
def built_image(folder: Path, target: str) -> Iterator[Image]:
    """Build a target of deploy/Containerfile as 'fer', and delete everything afterwards."""
    image = Image(folder)
    try:
        _make_base(image)
        options = (
            "--format",
            "docker",
            "--isolation",
            "chroot",
            "--network",
            "host",
            "--build-arg",
            "BASE=localhost/base",
        )
        image.buildah("bud", *options, "--target", target, "-f", "deploy/Containerfile", "-t", "localhost/fer", ".")
        yield image
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make_base(image: Image) -> None:
    system = image.folder / "system"
    subprocess.run(["debootstrap", *_DEBIAN, str(system), _MIRROR], check=True, capture_output=True)
    for name in _UNUSED:
        shutil.rmtree(system / name)
        (system / name).mkdir()
    # This machine's own certificates, where a proxy of its network has one.
    shutil.copy(f"/{_CERTIFICATES}", system / _CERTIFICATES)
    variables = ["PATH=/usr/local/bin:/usr/bin:/bin"]
    if "PIP_CERT" in os.environ:
        variables.append(f"PIP_CERT=/{_CERTIFICATES}")
    container = image.buildah("from", "scratch")
    image.buildah("add", "--quiet", container, str(system), "/")
    image.buildah("config", *(word for variable in variables for word in ("--env", variable)), container)
    image.buildah("commit", "--quiet", "--rm", container, "localhost/base")
    shutil.rmtree(system)
