"""Settings of login and roles: from `.streamlit/secrets.toml` or from environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final
from urllib.parse import urlsplit

from fer.errors import AccessError
from fer.text import listed

_CALLBACK: Final = "/oauth2callback"
# Shorter ones are placeholders or can be guessed.
_SECRET_CHARACTERS: Final = 32
_ONE_PROVIDER: Final = ("client_id", "client_secret", "server_metadata_url")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_NOT_PROVIDERS: Final = ("client_kwargs",)
_LISTS: Final = ("admins", "trainers", "viewers")


class Role(IntEnum):
    """What a person may do; each role includes the ones before it."""

    NONE = 0
    VIEWER = 1
    TRAINER = 2
    ADMIN = 3

    @property
    def label(self) -> str:
        """Return the role as pages write it."""
        return self.name.lower()


@dataclass(frozen=True)
class AccessSettings:
    """How people log in, and who has which role.

    Entries with an '@' are email addresses, or patterns for all addresses of a domain ('*@example.org'). Other entries
    are values of the claim, such as the names of groups.

    Attributes:
        providers: names of the login providers; 'default' is the one that is written directly under [auth].
        claim: claim of the identity token that lists a person's roles or groups.
        admins, trainers, viewers: who has the role.
    """

    providers: tuple[str, ...]
    claim: str = "roles"
    admins: tuple[str, ...] = ("admin",)
    trainers: tuple[str, ...] = ("trainer",)
    viewers: tuple[str, ...] = ("viewer",)

    def role_of(self, claims: Mapping[str, Any]) -> Role:
        """Return the highest role that the claims of an identity token give; `NONE` if no list has the person."""
        held = claims.get(self.claim)
        values = {held} if isinstance(held, str) else set(_texts(held))
        email = "" if claims.get("email_verified") is False else str(claims.get("email") or "").strip().lower()
        for role, entries in ((Role.ADMIN, self.admins), (Role.TRAINER, self.trainers), (Role.VIEWER, self.viewers)):
            if any(_is_named(email, entry) if "@" in entry else entry in values for entry in entries):
                return role
        return Role.NONE


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []


def _is_named(email: str, entry: str) -> bool:
    entry = entry.strip().lower()
    if entry.startswith("*@"):
        name, at, domain = email.rpartition("@")
        return bool(name and at) and domain == entry[2:]
    return bool(email) and email == entry


def access_settings(secrets: Mapping[str, Any], *, required: bool = False) -> AccessSettings | None:
    """Return the settings of login, or None if login is off.

    Args:
        secrets: tables 'auth' (as Streamlit's `st.login` reads it) and 'access' (claim, admins, trainers, viewers).
        required: refuse to run without login.

    Raises:
        AccessError: a setting is missing or has the wrong form. Then nobody may enter.
    """
    auth, access = _table(secrets, "auth"), _table(secrets, "access")
    if not auth:
        if access or required:
            raise AccessError(
                "Login is required but isn't set up. Add [auth] to .streamlit/secrets.toml, or set the FER_OIDC_ "
                "variables, as docs/deploy.md explains."
            )
        return None
    _check_shared(auth)
    claim = access.get("claim", "roles")
    if not isinstance(claim, str) or not claim:
        raise AccessError("'claim' under [access] must be the name of a claim, such as \"groups\".")
    given = {name: _list(access, name) for name in _LISTS if name in access}
    return AccessSettings(_providers(auth), claim, **given)


def _table(secrets: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = secrets.get(name, {})
    if not isinstance(table, Mapping):
        raise AccessError(f"'{name}' in .streamlit/secrets.toml must be a table. Write it as [{name}].")
    return table


def _check_shared(auth: Mapping[str, Any]) -> None:
    secret = auth.get("cookie_secret")
    if not isinstance(secret, str) or len(secret) < _SECRET_CHARACTERS:
        raise AccessError(
            f"'cookie_secret' under [auth] (FER_COOKIE_SECRET) needs at least {_SECRET_CHARACTERS} characters. "
            "The command 'openssl rand -hex 32' makes one."
        )
    address = auth.get("redirect_uri")
    parts = urlsplit(address) if isinstance(address, str) else urlsplit("")
    encrypted = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not encrypted or not parts.path.endswith(_CALLBACK):
        raise AccessError(
            f"'redirect_uri' under [auth] must be the app's address under https:// with {_CALLBACK} at its end, such "
            f"as https://fer.example.org{_CALLBACK}. FER_PUBLIC_URL is the same address without that end."
        )


def _providers(auth: Mapping[str, Any]) -> tuple[str, ...]:
    tables = {name: value for name, value in auth.items() if isinstance(value, Mapping) and name not in _NOT_PROVIDERS}
    # One provider directly under [auth], or each in a table of its own.
    complete = {"default": auth} if not tables or any(key in auth for key in _ONE_PROVIDER) else {}
    for name, table in {**complete, **tables}.items():
        missing = [key for key in _ONE_PROVIDER if not isinstance(table.get(key), str) or not table[key]]
        if missing:
            where = "[auth]" if name == "default" else f"[auth.{name}]"
            raise AccessError(f"{where} lacks {listed(missing)}. docs/deploy.md has an example.")
    return (*complete, *tables)


def _list(access: Mapping[str, Any], name: str) -> tuple[str, ...]:
    entries = access[name]
    if not isinstance(entries, list | tuple) or len(_texts(entries)) != len(entries):
        raise AccessError(
            f"'{name}' under [access] must be a list of addresses or claim values. Write, for example, "
            f'{name} = ["ada@example.org"].'
        )
    return tuple(_texts(entries))


def secrets_from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the tables 'auth' and 'access' that environment variables describe; {} without such variables.

    Args:
        environment: FER_OIDC_METADATA_URL, FER_OIDC_CLIENT_ID, FER_OIDC_CLIENT_SECRET, FER_COOKIE_SECRET,
            FER_PUBLIC_URL; FER_ROLE_CLAIM, FER_ADMINS, FER_TRAINERS, FER_VIEWERS (lists separated by commas).
    """
    provider = {
        "server_metadata_url": environment.get("FER_OIDC_METADATA_URL"),
        "client_id": environment.get("FER_OIDC_CLIENT_ID"),
        "client_secret": environment.get("FER_OIDC_CLIENT_SECRET"),
    }
    tables: dict[str, Any] = {}
    if any(provider.values()):
        auth = {
            **provider,
            "cookie_secret": environment.get("FER_COOKIE_SECRET"),
            "redirect_uri": environment.get("FER_PUBLIC_URL", "").rstrip("/") + _CALLBACK,
        }
        tables["auth"] = {name: value for name, value in auth.items() if value}
    lists = {name: environment.get(f"FER_{name.upper()}") for name in _LISTS}
    access: dict[str, Any] = {
        name: [part.strip() for part in text.split(",") if part.strip()] for name, text in lists.items() if text
    }
    if claim := environment.get("FER_ROLE_CLAIM"):
        access["claim"] = claim
    if access:
        tables["access"] = access
    return tables
