"""Files and links that some systems refuse to make; a test of what follows is skipped there."""

from pathlib import Path

import pytest


def write_or_skip(file: Path, data: bytes) -> None:
    """Write a file with an odd name, which Windows or macOS may refuse."""
    try:
        file.write_bytes(data)
    except (OSError, ValueError) as error:
        pytest.skip(f"this system refuses the name {file.name!a}: {error}")


def link_or_skip(link: Path, target: Path) -> None:
    """Make a symbolic link, which Windows allows only in its developer mode."""
    try:
        link.symlink_to(target, target_is_directory=target.is_dir())
    except OSError as error:
        pytest.skip(f"this system refuses symbolic links: {error}")
