"""ICE configuration: the STUN and TURN servers with which browser and server find each other.

By default, no other server is contacted. TURN credentials are made from a secret shared with coturn (`use-auth-secret`;
the 'TURN REST API' of draft-uberti-behave-turn-rest-00). The browser gets a user name that expires and its password,
never the secret.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fer.errors import NetworkError
from fer.live.cores import usable_cores

CREDENTIAL_SECONDS: Final = 12 * 3600
# A camera takes a third of a core at 15 frames per second, and half of one at 30. Python's threads take turns, so one
# process uses few cores: docs/deploy.md.
_MOST_STREAMS: Final = 8
# Forms that both ends understand: the browser, and aiortc on this side, which doesn't know IPv6 addresses.
_FORMS: Final = {
    "stun": (re.compile(r"stuns?:[^?:\s]+(:\d+)?"), "stun:stun.example.org:3478"),
    "turn": (re.compile(r"turns?:[^?:\s]+(:\d+)?(\?transport=(udp|tcp))?"), "turn:turn.example.org:3478?transport=udp"),
}


@dataclass(frozen=True)
class NetworkSettings:
    """Servers for connections through routers and firewalls, and the number of viewers.

    Attributes:
        stun_urls: 'stun:host:port', to find out the public address.
        turn_urls: 'turn:host:port?transport=udp', to relay the video.
        turn_secret: the secret shared with coturn, from which credentials are made.
        turn_username, turn_credential: fixed credentials, if the provider has no shared secret.
        max_streams: number of viewers at a time; None means one per core, at most eight.

    Raises:
        NetworkError: an address has the wrong form, or TURN has neither secret nor credentials.
    """

    stun_urls: tuple[str, ...] = ()
    turn_urls: tuple[str, ...] = ()
    turn_secret: str | None = field(default=None, repr=False)
    turn_username: str | None = None
    turn_credential: str | None = field(default=None, repr=False)
    max_streams: int | None = None

    def __post_init__(self) -> None:
        for name, urls in (("stun", self.stun_urls), ("turn", self.turn_urls)):
            form, example = _FORMS[name]
            for url in urls:
                if not form.fullmatch(url):
                    raise NetworkError(
                        f"'{url}' isn't the address of a {name.upper()} server, which looks like '{example}'. Correct "
                        "it in .streamlit/secrets.toml or in the environment."
                    )
        if self.turn_urls and not self.turn_secret and not (self.turn_username and self.turn_credential):
            raise NetworkError(
                "The TURN server needs a secret, or a username and a credential. "
                "Add them to .streamlit/secrets.toml or to the environment, as docs/live.md explains."
            )
        if self.max_streams is not None and self.max_streams < 1:
            raise NetworkError(
                f"The number of viewers must be at least 1, but it is {self.max_streams}. "
                "Correct FER_LIVE_STREAMS, or max_streams under [live] in .streamlit/secrets.toml."
            )

    @property
    def stream_limit(self) -> int:
        """Return the number of viewers at a time: `max_streams`, or one per core as far as one process goes."""
        return self.max_streams or min(usable_cores(), _MOST_STREAMS)


def network_settings(secrets: Mapping[str, Any], environment: Mapping[str, str]) -> NetworkSettings:
    """Read the settings. The environment takes precedence over the secrets.

    Args:
        secrets: tables 'stun' (urls), 'turn' (urls, secret, username, credential) and 'live' (max_streams).
        environment: FER_STUN_URLS and FER_TURN_URLS (separated by commas), FER_TURN_SECRET, FER_TURN_USERNAME,
            FER_TURN_CREDENTIAL, FER_LIVE_STREAMS.

    Raises:
        NetworkError: a setting has the wrong form.
    """
    stun, turn, live = (_table(secrets, name) for name in ("stun", "turn", "live"))
    return NetworkSettings(
        stun_urls=_urls(environment.get("FER_STUN_URLS") or stun.get("urls", []), "stun"),
        turn_urls=_urls(environment.get("FER_TURN_URLS") or turn.get("urls", []), "turn"),
        turn_secret=environment.get("FER_TURN_SECRET") or _text(turn, "secret"),
        turn_username=environment.get("FER_TURN_USERNAME") or _text(turn, "username"),
        turn_credential=environment.get("FER_TURN_CREDENTIAL") or _text(turn, "credential"),
        max_streams=_whole_number(environment.get("FER_LIVE_STREAMS") or live.get("max_streams")),
    )


def _table(secrets: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = secrets.get(name, {})
    if not isinstance(table, Mapping):
        raise NetworkError(f"'{name}' in .streamlit/secrets.toml must be a table. Write it as [{name}].")
    return table


def _urls(value: object, kind: str) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise NetworkError(
            f"The addresses of {kind.upper()} servers must be a list of texts, not {value!r}. Under [{kind}] in "
            f'.streamlit/secrets.toml, write urls = ["{_FORMS[kind][1]}"].'
        )
    return tuple(part.strip() for part in parts if part.strip())


def _text(turn: Mapping[str, Any], name: str) -> str | None:
    value = turn.get(name)
    if value is not None and not isinstance(value, str):
        # Don't repeat the value, which may be the secret.
        raise NetworkError(
            f"'{name}' under [turn] in .streamlit/secrets.toml must be a text. Put it in quotation marks."
        )
    return value


def _whole_number(value: object) -> int | None:
    if value is None:
        return None
    try:
        # By way of a text, because int() would accept 2.5 and True.
        return int(str(value))
    except ValueError:
        raise NetworkError(
            f"The number of viewers must be a whole number, but it is '{value}'. "
            "Correct FER_LIVE_STREAMS, or max_streams under [live] in .streamlit/secrets.toml."
        ) from None


def turn_credentials(secret: str, now_s: float, lifetime_s: int = CREDENTIAL_SECONDS) -> tuple[str, str]:
    """Return a TURN username and password that coturn accepts until `now_s + lifetime_s`.

    Args:
        secret: coturn's `static-auth-secret`.
        now_s: seconds since 1970.
        lifetime_s: how long connections can be opened with them.

    Returns:
        The username (the time of expiry), and base64 of HMAC-SHA1 of the username under the secret.
    """
    username = str(int(now_s) + lifetime_s)
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()


def ice_servers(settings: NetworkSettings, now_s: float) -> list[dict[str, Any]]:
    """Return the list that WebRTC calls `iceServers`. It goes to the browser and doesn't contain the shared secret.

    Args:
        settings: the servers.
        now_s: seconds since 1970, from which the lifetime of credentials counts.
    """
    servers: list[dict[str, Any]] = []
    if settings.stun_urls:
        servers.append({"urls": list(settings.stun_urls)})
    if settings.turn_urls:
        if settings.turn_secret:
            username, credential = turn_credentials(settings.turn_secret, now_s)
        else:
            username, credential = settings.turn_username or "", settings.turn_credential or ""
        servers.append({"urls": list(settings.turn_urls), "username": username, "credential": credential})
    return servers
