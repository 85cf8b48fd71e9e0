"""The ICE servers that the browser gets, and the secrets that it must never get."""

import base64
import hashlib
import hmac
import json

import pytest

from fer.errors import NetworkError
from fer.live.ice import ice_servers, network_settings, turn_credentials

TURN = "turn:turn.example.org:3478?transport=udp"


def test_by_default_no_server_is_contacted() -> None:
    assert ice_servers(network_settings({}, {}), 0) == []


def test_coturn_accepts_the_credentials_for_half_a_day() -> None:
    """The user name is the expiry time and the password its HMAC-SHA1, as with coturn's use-auth-secret."""
    username, credential = turn_credentials("north", 1_700_000_000.9, lifetime_s=3600)
    assert username == "1700003600"
    expected = hmac.new(b"north", b"1700003600", hashlib.sha1).digest()
    assert base64.b64decode(credential) == expected
    # Computed once with: printf 1700003600 | openssl dgst -sha1 -hmac north -binary | base64
    assert credential == "xF4I6gruVt/PjGbjajGu2UlidPk="


def test_the_shared_secret_never_leaves_the_server() -> None:
    settings = network_settings({"turn": {"urls": [TURN], "secret": "do not tell"}}, {})
    servers = ice_servers(settings, 1000)
    assert "do not tell" not in json.dumps(servers)
    assert "do not tell" not in repr(settings)
    assert servers[0]["urls"] == [TURN]
    assert servers[0]["username"] == str(1000 + 12 * 3600)


def test_fixed_credentials_of_a_provider_are_passed_on() -> None:
    secrets = {
        "turn": {"urls": [TURN], "username": "me", "credential": "pass"},
        "stun": {"urls": ["stun:s.example:19302"]},
    }
    assert ice_servers(network_settings(secrets, {}), 0) == [
        {"urls": ["stun:s.example:19302"]},
        {"urls": [TURN], "username": "me", "credential": "pass"},
    ]


def test_the_environment_takes_precedence_over_the_secrets() -> None:
    settings = network_settings(
        {"stun": {"urls": ["stun:a.example"]}, "live": {"max_streams": 2}},
        {"FER_STUN_URLS": "stun:b.example, stun:c.example:1", "FER_LIVE_STREAMS": "5"},
    )
    assert settings.stun_urls == ("stun:b.example", "stun:c.example:1")
    assert settings.stream_limit == 5


@pytest.mark.parametrize(
    ("secrets", "environment", "message"),
    [
        ({"turn": {"urls": ["turn.example.org"], "secret": "s"}}, {}, "'turn.example.org' isn't the address"),
        ({}, {"FER_TURN_URLS": "stun:a.example", "FER_TURN_SECRET": "s"}, "looks like 'turn:"),
        ({}, {"FER_STUN_URLS": "https://a.example"}, "looks like 'stun:"),
        ({"turn": {"urls": [TURN]}}, {}, "needs a secret"),
        ({"turn": {"urls": [TURN], "username": "me"}}, {}, "needs a secret"),
        ({"turn": TURN}, {}, r"\[turn\]"),
        ({}, {"FER_LIVE_STREAMS": "many"}, "whole number, but it is 'many'"),
        ({}, {"FER_LIVE_STREAMS": "-1"}, "at least 1, but it is -1"),
        ({"live": {"max_streams": 0}}, {}, "at least 1, but it is 0"),
        ({"live": {"max_streams": [2]}}, {}, r"whole number, but it is '\[2\]'"),
        ({"live": {"max_streams": 2.5}}, {}, r"whole number, but it is '2\.5'"),
        ({"live": {"max_streams": True}}, {}, "whole number, but it is 'True'"),
        ({"stun": {"urls": [1]}}, {}, r"list of texts, not \[1\]"),
        ({"stun": {"urls": 5}}, {}, "list of texts, not 5"),
        ({"turn": {"urls": {"a": 1}, "secret": "s"}}, {}, "list of texts"),
        ({"turn": {"urls": [TURN], "secret": 12345}}, {}, r"'secret' under \[turn\].*must be a text"),
        (
            {"turn": {"urls": [TURN], "username": "me", "credential": ["x"]}},
            {},
            r"'credential' under \[turn\].*must be a text",
        ),
    ],
)
def test_a_wrong_setting_is_named(secrets: dict, environment: dict, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        network_settings(secrets, environment)


def test_a_secret_of_the_wrong_type_is_not_repeated() -> None:
    with pytest.raises(NetworkError) as refused:
        network_settings({"turn": {"urls": [TURN], "secret": 12345}}, {})
    assert "12345" not in str(refused.value)
