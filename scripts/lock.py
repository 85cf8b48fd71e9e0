"""Write the lock files of the container images, with the hash of every file that may be installed.

    python scripts/run.py lock

`deploy/serve.lock` leaves out what only training needs, and `deploy/installer.lock` has what installs both. Versions
are those of constraints.txt.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_SERVE: Final = ROOT / "requirements.txt"
_INSTALLER: Final = "uv\n"
_HEADER: Final = "# Written by: python scripts/run.py lock\n"


def main() -> int:
    """Write both files and return the exit code."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        sys.stderr.write("uv is missing. Type: python scripts/run.py lock\n")
        return 1
    text = _SERVE.read_text(encoding="utf-8")
    without_training = "\n".join(line for line in text.splitlines() if not line.startswith("-r "))
    for name, requirements in (("serve", without_training), ("full", text), ("installer", _INSTALLER)):
        _compile(uv, requirements, ROOT / "deploy" / f"{name}.lock")
    return 0


def _compile(uv: str, requirements: str, target: Path) -> None:
    options = ["--constraints", "constraints.txt", "--generate-hashes", "--universal", "--python-version", "3.11"]
    quiet = ["--no-annotate", "--no-header", "--quiet", "--output-file", str(target)]
    # From its standard input, '-r' is relative to the folder it runs in. It would keep the versions of an old file.
    target.unlink(missing_ok=True)
    subprocess.run([uv, "pip", "compile", "-", *options, *quiet], cwd=ROOT, input=requirements, text=True, check=True)
    target.write_text(_HEADER + target.read_text(encoding="utf-8"), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
