"""The gate that every page passes, and the check in front of every action that changes something."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from fer import paths
from fer.errors import AccessError, FerError
from fer.runs.layout import is_run_id
from fer.runs.small_files import read_origin
from fer.text import literal
from fer.ui.access.records import owner_of, set_owner, write_entry
from fer.ui.access.settings import AccessSettings, Role, access_settings
from fer.ui.messages import show_error
from fer.ui.secrets import read_secrets

_log = logging.getLogger(__name__)

_OWN_NAMES: Final = ("localhost", "127.0.0.1", "::1")
# The name of the shipped model in the audit log.
SHIPPED: Final = "shipped"
_MADE: Final = ("started", "imported")
# What runs for a while, and belongs to whoever started it. The rules are the same for every kind.
_WORK: Final = ("run", "sweep", "video", "batch")
# What only an admin may do to the work of others.
_VERBS: Final = {"stopped": "stop", "resumed": "resume", "changed": "change", "deleted": "delete"}
# What viewers may start, too.
_FOR_VIEWERS: Final = ("video",)
OPEN_WARNING: Final = (
    "Login is off, and other machines can reach this app. Everyone who can open it can also start trainings, delete "
    "runs and datasets, and change the model in use. Set up a login as docs/deploy.md explains."
)


@dataclass(frozen=True)
class Person:
    """Who uses a session.

    Attributes:
        name: the email address, or another name from the identity token; '' without login.
        id: what stays the same if the address changes; '' without login.
        role: what the person may do.
    """

    name: str
    id: str
    role: Role


# Without login, whoever can open the app may do everything.
_EVERYONE: Final = Person("", "", Role.ADMIN)


def settings() -> AccessSettings | None:
    """Return the settings of login, or None if login is off.

    Raises:
        FerError: they are incomplete, or a file of secrets is damaged.
    """
    return access_settings(read_secrets(), required=os.environ.get("FER_REQUIRE_LOGIN", "") not in ("", "0"))


def person() -> Person | None:
    """Return who uses this session, or None before login.

    Raises:
        FerError: the settings of login are wrong.
    """
    found = settings()
    if found is None:
        return _EVERYONE
    claims = st.user.to_dict()
    return _person(claims, found) if claims.get("is_logged_in") is True else None


def person_with(claims: Mapping[str, Any]) -> Person | None:
    """Return the person of an identity token's claims, or None before login.

    Args:
        claims: those of the request's cookies; {} before login.

    Raises:
        FerError: the settings of login are wrong.
    """
    found = settings()
    if found is None:
        return _EVERYONE
    return _person(claims, found) if claims else None


def _person(claims: Mapping[str, Any], found: AccessSettings) -> Person:
    subject = str(claims.get("sub") or "")
    name = next((str(claims[key]) for key in ("email", "preferred_username", "name") if claims.get(key)), subject)
    identity = f"{claims.get('iss', '')} {subject}" if subject else name
    return Person(name, identity, found.role_of(claims))


def is_same(who: Person, claims: Mapping[str, Any]) -> bool:
    """Return whether the claims of an identity token are a person's; False if login is off.

    Raises:
        FerError: the settings of login are wrong.
    """
    other = person_with(claims)
    return other is not None and other.id != "" and other.id == who.id


def is_own(who: Person, kind: str, name: str) -> bool:
    """Return whether a person has made something; everything is everyone's own if login is off."""
    return who is _EVERYONE or (who.id != "" and _maker_of(kind, name) == who.id)


def enter(needed: Role) -> Person:
    """Return who uses this session, or end the page with what to do: log in, or ask for a role.

    Args:
        needed: the role that the page needs.
    """
    try:
        found = settings()
        who = person()
    except FerError as error:
        _log.error("Nobody can enter: %s", error)
        show_error(error, ":material/lock:")
        st.stop()
    if who is None:
        _offer_login(found.providers if found else ())
        st.stop()
    if who.role < needed:
        _refuse(who, needed)
        st.stop()
    return who


def _offer_login(providers: tuple[str, ...]) -> None:
    st.markdown("Log in to use this app.")
    for provider in providers:
        label = "Log in" if provider == "default" else f"Log in with {provider}"
        st.button(
            label, type="primary", icon=":material/login:", key=f"login_{provider}", on_click=_login, args=(provider,)
        )


def _login(provider: str) -> None:
    st.login(None if provider == "default" else provider)


def _refuse(who: Person, needed: Role) -> None:
    if who.role == Role.NONE:
        st.warning(
            f"You are logged in as {literal(who.name)}, but nobody has given you a role here. Ask the person who runs "
            "this app to add your address.",
            icon=":material/lock_person:",
        )
        _logout_button()
    else:
        st.warning(
            f"This page is for the role '{needed.label}', and yours is '{who.role.label}'.", icon=":material/lock:"
        )


def show_person(who: Person) -> None:
    """Draw who is logged in, with a button to log out; nothing if login is off."""
    if who.name:
        st.caption(f"{literal(who.name)} · {who.role.label}")
        _logout_button()


def _logout_button() -> None:
    st.button("Log out", icon=":material/logout:", key="logout", on_click=st.logout)


def refusal(action: str, kind: str, name: str) -> str | None:
    """Return why this session's person may not do something, or None. For the help text of a disabled button.

    Args:
        action: 'started', 'stopped', 'resumed', 'changed', 'deleted', 'promoted', ...
        kind: 'run', 'dataset', 'model', 'evaluation', ...
        name: which one.
    """
    try:
        who = person()
    except FerError as error:
        return str(error)
    if who is None:
        return "Log in first."
    if who.role >= Role.ADMIN:
        return None
    if action == "promoted":
        return "Only an admin can change the model in use."
    needed = Role.VIEWER if kind in _FOR_VIEWERS else Role.TRAINER
    if who.role < needed:
        return f"This needs the role '{needed.label}'."
    if _is_for_owner(action, kind) and not is_own(who, kind, name):
        return f"Only an admin, or the person who made it, can {_VERBS[action]} this."
    return None


def _is_for_owner(action: str, kind: str) -> bool:
    """Return whether only an admin may do this to what somebody else made."""
    return action == "deleted" or (action in _VERBS and kind in _WORK)


def _maker_of(kind: str, name: str) -> str | None:
    """Return the id of the person who made something; a run of a sweep was made by whoever started the sweep."""
    maker = owner_of(kind, name)
    if maker is None and kind == "run" and is_run_id(name):
        maker = owner_of("sweep", read_origin(paths.runs_dir() / name).sweep)
    return maker


@contextmanager
def action(action: str, kind: str, name: str) -> Iterator[None]:
    """Check the person's role, run the block, and add the action to the audit log.

    Args:
        action: 'started', 'stopped', 'resumed', 'changed', 'deleted', 'promoted', ...
        kind: 'run', 'dataset', 'model', 'evaluation', ...
        name: which one.

    Raises:
        AccessError: the person may not do this.
    """
    if why := refusal(action, kind, name):
        raise AccessError(why)
    yield
    record(action, kind, name)


def record(action: str, kind: str, name: str) -> None:
    """Add something that this session's person has done to the audit log; nothing if login is off."""
    recorder()(action, kind, name)


def recorder() -> Callable[[str, str, str], None]:
    """Return `record` for this session's person, to be called later and from another thread."""
    who = person()

    def record(action: str, kind: str, name: str) -> None:
        if who is None or not who.name:
            return
        write_entry(who.name, who.role.label, action, kind, name)
        if action in _MADE:
            set_owner(kind, name, who.id)
        elif action == "deleted":
            set_owner(kind, name, None)

    return record


def is_open() -> bool:
    """Return whether other machines can reach this app although login is off."""
    try:
        if settings() is not None:
            return False
    except FerError:
        return False  # nobody can enter
    names = {name.strip("[]").lower() for name in st.get_option("server.allowedHosts")}
    return st.get_option("server.address") not in _OWN_NAMES or not names or not names <= set(_OWN_NAMES)


def log_if_open() -> None:
    """Warn in the log if other machines can reach this app although login is off."""
    if is_open():
        _log.warning(OPEN_WARNING)


def warn_if_open() -> None:
    """Warn on the page if other machines can reach this app although login is off."""
    if is_open():
        st.warning(OPEN_WARNING, icon=":material/lock_open:")
