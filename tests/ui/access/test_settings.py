"""Who gets which role, and which settings of login are refused."""

from typing import Any

import pytest

from fer.errors import AccessError
from fer.ui.access.settings import AccessSettings, Role, access_settings, secrets_from_environment

AUTH = {
    "redirect_uri": "https://fer.example.org/oauth2callback",
    "cookie_secret": "c" * 32,
    "client_id": "fer",
    "client_secret": "s",
    "server_metadata_url": "https://id.example.org/.well-known/openid-configuration",
}
PROVIDER = {key: AUTH[key] for key in ("client_id", "client_secret", "server_metadata_url")}
SHARED = {key: AUTH[key] for key in ("redirect_uri", "cookie_secret")}


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"email": "ada@example.org"}, Role.ADMIN),
        ({"email": "ADA@Example.org ", "email_verified": True}, Role.ADMIN),
        ({"email": "ada@example.org", "email_verified": False}, Role.NONE),
        ({"email": "bob@lab.example.org"}, Role.TRAINER),
        ({"email": "bob@evil.lab.example.org"}, Role.NONE),
        ({"email": "bob@lab.example.org.evil.org"}, Role.NONE),
        ({"email": "@lab.example.org"}, Role.NONE),
        ({"groups": ["staff", "students"]}, Role.VIEWER),
        ({"groups": "students"}, Role.VIEWER),
        ({"groups": ["students"], "email": "ada@example.org"}, Role.ADMIN),
        # Someone may call their group like an address, but isn't that person.
        ({"groups": ["ada@example.org"]}, Role.NONE),
        ({"groups": [["students"], 7, None]}, Role.NONE),
        ({"groups": {"students": True}}, Role.NONE),
        ({"roles": ["students"]}, Role.NONE),
        ({"email": None}, Role.NONE),
        ({}, Role.NONE),
    ],
)
def test_the_highest_role_that_a_list_gives(claims: dict[str, Any], role: Role) -> None:
    settings = AccessSettings(
        ("default",), "groups", admins=("ada@example.org",), trainers=("*@lab.example.org",), viewers=("students",)
    )
    assert settings.role_of(claims) == role


def test_without_lists_the_roles_claim_decides_and_an_address_gives_nothing() -> None:
    settings = access_settings({"auth": AUTH})
    assert settings is not None
    assert settings.role_of({"roles": ["viewer", "trainer"]}) == Role.TRAINER
    assert settings.role_of({"email": "ada@example.org", "email_verified": True}) == Role.NONE


def test_login_is_off_without_its_settings() -> None:
    assert access_settings({"turn": {"urls": []}}) is None


@pytest.mark.parametrize(
    ("auth", "providers"),
    [
        (AUTH, ("default",)),
        ({**SHARED, "google": PROVIDER, "okta": PROVIDER}, ("google", "okta")),
        ({**AUTH, "okta": PROVIDER}, ("default", "okta")),
        ({**AUTH, "client_kwargs": {"prompt": "login"}}, ("default",)),
        ({**AUTH, "redirect_uri": "http://localhost:8501/oauth2callback"}, ("default",)),
    ],
)
def test_providers(auth: dict[str, Any], providers: tuple[str, ...]) -> None:
    settings = access_settings({"auth": auth})
    assert settings is not None and settings.providers == providers


@pytest.mark.parametrize(
    ("secrets", "says"),
    [
        ({"auth": "yes"}, r"\[auth\]"),
        ({"access": {"admins": ["ada@example.org"]}}, "isn't set up"),
        ({"auth": {**AUTH, "cookie_secret": "changeme"}}, "openssl rand"),
        ({"auth": {**AUTH, "cookie_secret": 7}}, "cookie_secret"),
        ({"auth": {**AUTH, "redirect_uri": "http://fer.example.org/oauth2callback"}}, "https://"),
        ({"auth": {**AUTH, "redirect_uri": "https://fer.example.org"}}, "oauth2callback"),
        ({"auth": SHARED}, r"\[auth\] lacks client_id, client_secret and server_metadata_url"),
        ({"auth": {**SHARED, "okta": {"client_id": "a"}}}, r"\[auth.okta\] lacks client_secret"),
        ({"auth": {**AUTH, "okta": {}}}, r"\[auth.okta\] lacks"),
        ({"auth": AUTH, "access": {"admins": "ada@example.org"}}, "'admins'"),
        ({"auth": AUTH, "access": {"viewers": [7]}}, "'viewers'"),
        ({"auth": AUTH, "access": {"claim": ["groups"]}}, "'claim'"),
        ({"auth": AUTH, "access": []}, r"\[access\]"),
    ],
)
def test_wrong_settings_are_refused_in_a_sentence(secrets: dict[str, Any], says: str) -> None:
    with pytest.raises(AccessError, match=says):
        access_settings(secrets)


def test_a_message_never_repeats_a_secret() -> None:
    with pytest.raises(AccessError) as caught:
        access_settings({"auth": {**AUTH, "cookie_secret": "hunter2"}})
    assert "hunter2" not in str(caught.value)


def test_login_can_be_required() -> None:
    with pytest.raises(AccessError, match="FER_OIDC_"):
        access_settings({}, required=True)


def test_the_environment_describes_the_same_settings() -> None:
    tables = secrets_from_environment(
        {
            "FER_OIDC_METADATA_URL": AUTH["server_metadata_url"],
            "FER_OIDC_CLIENT_ID": "fer",
            "FER_OIDC_CLIENT_SECRET": "s",
            "FER_COOKIE_SECRET": "c" * 32,
            "FER_PUBLIC_URL": "https://fer.example.org/",
            "FER_ADMINS": "ada@example.org, eve@example.org,",
            "FER_VIEWERS": "*@example.org",
            "FER_ROLE_CLAIM": "groups",
        }
    )
    assert tables["auth"] == AUTH
    assert tables["access"] == {
        "admins": ["ada@example.org", "eve@example.org"],
        "viewers": ["*@example.org"],
        "claim": "groups",
    }
    assert access_settings(tables) == AccessSettings(
        ("default",), "groups", admins=("ada@example.org", "eve@example.org"), viewers=("*@example.org",)
    )


def test_no_variables_no_tables() -> None:
    assert secrets_from_environment({"FER_PUBLIC_URL": "https://fer.example.org", "FER_COOKIE_SECRET": "x"}) == {}


def test_a_half_set_environment_lets_nobody_in() -> None:
    with pytest.raises(AccessError, match="cookie_secret"):
        access_settings(secrets_from_environment({"FER_OIDC_CLIENT_ID": "fer"}))
