"""The package as a user installs it: a wheel in a fresh environment, outside the checkout."""

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from fer.paths import CHECKOUT


@dataclass(frozen=True)
class Installation:
    """A virtual environment with the wheel: its folder, and an empty folder to work in."""

    environment: Path
    work: Path

    @property
    def scripts(self) -> Path:
        return self.environment / ("Scripts" if os.name == "nt" else "bin")

    @property
    def python(self) -> str:
        return str(self.scripts / "python")

    @property
    def fer(self) -> str:
        return str(self.scripts / "fer")

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment of a user who has set nothing: no FER_HOME, an empty home folder."""
        kept = {name: value for name, value in os.environ.items() if name not in ("FER_HOME", "PYTHONPATH")}
        home = str(self.work.parent / "home")
        return {**kept, "HOME": home, "USERPROFILE": home, "LOCALAPPDATA": home, "XDG_DATA_HOME": f"{home}/share"}

    def run(self, *command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.work, env=self.variables, capture_output=True, text=True, check=False, timeout=timeout
        )


def build_wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(CHECKOUT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> Installation:
    """Install a wheel into a fresh environment under `folder`. What it depends on is taken from this environment."""
    environment, work = folder / "environment", folder / "work"
    work.mkdir()
    (folder / "home").mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    installation = Installation(environment, work)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", installation.python]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    shared = sysconfig.get_paths()["purelib"]
    (site_packages,) = environment.glob("[Ll]ib/**/site-packages")
    (site_packages / "shared.pth").write_text(f"{shared}\n", encoding="utf-8")
    return installation
