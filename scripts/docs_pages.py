"""Build the documentation's site, or show it while you write: `python -m scripts.docs_pages build|serve`.

The pages are gathered in one folder first: some are outside docs/, and links that work in the repository differ from
those on the site.
"""

import re
import subprocess
import sys
import time
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
# The folder that zensical.toml names.
PAGES: Final = ROOT / "site-pages"
# Texts that readers of the repository expect at these paths, and their names on the site.
OUTSIDE: Final = {
    "data/README.md": "get-data.md",
    "model/README.md": "model-card.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
_LINK: Final = re.compile(r"(?<=\]\()([^)#\s]+)")
_LOOK_AGAIN_S: Final = 0.5


def main(command: str, *options: str) -> int:
    """Build or serve the site with further options of its tool. Return the tool's exit code."""
    gather(PAGES)
    tool = [sys.executable, "-m", "zensical", command, *options]
    if command == "build":
        return subprocess.run([*tool, "--clean", "--strict"], cwd=ROOT, check=False).returncode
    with subprocess.Popen(tool, cwd=ROOT) as server:
        try:
            while server.poll() is None:
                time.sleep(_LOOK_AGAIN_S)
                gather(PAGES)
        except KeyboardInterrupt:
            server.wait()
    return server.returncode


def gather(folder: Path) -> None:
    """Write every page and picture of the site to a folder. What is there and unchanged isn't touched."""
    wanted = {file.name: file for file in (ROOT / "docs").glob("*.md")}
    wanted |= {name: ROOT / source for source, name in OUTSIDE.items()}
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.md"):
        if file.name not in wanted:
            file.unlink()
    for name, file in wanted.items():
        text = site_links(file.read_text(encoding="utf-8"), file.relative_to(ROOT).as_posix())
        _write(folder / name, text.encode())
    for picture in (ROOT / "docs" / "images").iterdir():
        _write(folder / "images" / picture.name, picture.read_bytes())


def _write(file: Path, content: bytes) -> None:
    if not file.is_file() or file.read_bytes() != content:
        file.write_bytes(content)


def site_links(text: str, source: str) -> str:
    """Rewrite the links of a file of the repository (`source`, such as 'data/README.md') as links of the site."""
    return _LINK.sub(lambda match: _site_link(match[1], PurePosixPath(source).parent), text)


def _site_link(link: str, folder: PurePosixPath) -> str:
    if ":" in link or link.startswith("/"):
        return link
    parts: list[str] = []
    for part in (folder / link).parts:
        if part == "..":
            if parts:
                parts.pop()
        else:
            parts.append(part)
    target = "/".join(parts)
    return OUTSIDE.get(target, target.removeprefix("docs/"))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
