"""The script that makes the virtual environment."""

import subprocess
import sys
from pathlib import Path

from fer.paths import CHECKOUT


def test_a_link_to_a_folder_that_is_gone_is_named_with_what_to_do(tmp_path: Path) -> None:
    link = tmp_path / ".venv"
    link.symlink_to(tmp_path / "gone")
    done = subprocess.run(
        [CHECKOUT / "scripts" / "ensure_venv", sys.executable, link], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"{link} is a link to a folder that is gone. Delete it (rm '{link}'), then type the command again.\n"
    )
    assert link.is_symlink()
