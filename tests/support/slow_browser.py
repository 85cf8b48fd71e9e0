"""A slow machine on demand: with SLOW_BROWSER=1, tabs compute slowly and everything that they ask for comes late.

A test that looks at a page before it is drawn passes on a fast machine, and fails at random on a busy one. Here it
fails each time.
"""

import os
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

_LATER_MS: Final = 800
_TIMES_SLOWER: Final = 3
# By address, so that the camera's connection is spared: aioice ends one whose round trip takes half a second.
_LATE: Final = {"urlPattern": "http://*:*/*", "latency": _LATER_MS, "downloadThroughput": -1, "uploadThroughput": -1}
# Chromium delays requests itself, but not what a page sends to Streamlit over its WebSocket.
_LATE_MESSAGES: Final = f"""
    window.WebSocket = class extends WebSocket {{
        send(data) {{ setTimeout(() => super.send(data), {_LATER_MS}); }}
    }};
"""


def is_wanted() -> bool:
    return os.environ.get("SLOW_BROWSER") == "1"


def slow_down(patch: pytest.MonkeyPatch) -> None:
    """Make every new tab slow."""
    for opener in (Browser, BrowserContext):
        patch.setattr(opener, "new_page", _opening_slowly(opener.new_page))


def _opening_slowly(new_page: Any) -> Any:
    def opened(self: Browser | BrowserContext, **options: Any) -> Page:
        page: Page = new_page(self, **options)
        session = page.context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": _TIMES_SLOWER})
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditionsByRule", {"offline": False, "matchedNetworkConditions": [_LATE]})
        page.add_init_script(_LATE_MESSAGES)
        return page

    return opened
