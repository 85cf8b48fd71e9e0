"""MkDocs hooks: pages whose text is outside docs/, and links that work on the site and in the repository."""

import re
from pathlib import Path, PurePosixPath
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_ROOT: Final = Path(__file__).resolve().parent.parent

# Texts that readers of the repository expect at these paths, and their names on the site.
OUTSIDE: Final = {
    "data/README.md": "get-data.md",
    "model/README.md": "model-card.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
_LINK: Final = re.compile(r"(?<=\]\()([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are outside docs/."""
    for source, name in OUTSIDE.items():
        text = (_ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=site_links(text, source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point a page's links at the site's pages."""
    if page.file.src_uri in OUTSIDE.values():
        return markdown
    return site_links(markdown, f"docs/{page.file.src_uri}")


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
