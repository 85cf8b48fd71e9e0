"""What a program can do that speaks a page's language but isn't one: without login, and as somebody else."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.support.login import ADMIN, AUTH, STRANGER, VIEWER, variables
from tests.support.serving import Server, running_app
from tests.support.tabs import Tab, login_cookie, open_tab

_OTHER = {**VIEWER, "sub": "another id", "email": "other@example.org"}
_FILE = "/_stcore/upload_file/{}/a-file"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the app with a login whose provider nobody reaches."""
    folder = tmp_path_factory.mktemp("server")
    with running_app(folder, folder / "server.log", variables("http://localhost:1")) as server:
        yield server


def cookie(server: Server, claims: Mapping[str, object], secret: str = AUTH["cookie_secret"]) -> dict[str, str]:
    return login_cookie(claims, server.url, secret)


def upload_address(tab: Tab) -> str:
    """Ask where to upload a file, as an uploader does."""
    asked = BackMsg()
    asked.file_urls_request.file_names.append("a.jpg")
    tab.send(asked)
    (address,) = tab.receive_until("file_urls_response").file_urls_response.file_urls
    return address.upload_url


def test_a_viewer_uploads_into_an_own_tab_and_nobody_else_does(server: Server) -> None:
    viewer, other = cookie(server, VIEWER), cookie(server, _OTHER)
    with open_tab(server, viewer) as tab:
        address = upload_address(tab)
        assert tab.request("PUT", address) == 204
        for cookies in ({}, other, cookie(server, ADMIN), cookie(server, STRANGER)):
            assert tab.request("PUT", address, cookies) == 403
            assert tab.request("DELETE", address, cookies) == 403
        assert tab.request("DELETE", address) == 204


def test_a_picture_is_only_for_the_person_in_whose_tab_it_is(server: Server) -> None:
    viewer, other = cookie(server, VIEWER), cookie(server, _OTHER)
    with open_tab(server, viewer) as tab:
        (address,) = set(tab.pictures())
        assert tab.request("GET", address) == 200
        for cookies in ({}, other, cookie(server, ADMIN), cookie(server, STRANGER)):
            assert tab.request("GET", address, cookies) == 403
            assert tab.request("HEAD", address, cookies) == 403


@pytest.mark.parametrize(
    "cookies",
    [
        lambda server: {},
        lambda server: cookie(server, STRANGER),
        lambda server: cookie(server, VIEWER, "another secret of 32 characters."),
        lambda server: {"_streamlit_user": "viewer@example.org"},
        lambda server: login_cookie(VIEWER, server.url, AUTH["cookie_secret"], "_streamlit_user_tokens"),
        lambda server: {"_streamlit_user_tokens": cookie(server, VIEWER)["_streamlit_user"]},
    ],
)
def test_a_tab_without_a_role_takes_no_upload(server: Server, cookies: Callable[[Server], Mapping[str, str]]) -> None:
    with open_tab(server, cookies(server)) as tab:
        assert tab.pictures() == []
        assert tab.request("PUT", _FILE.format(tab.session)) == 403


def test_a_login_for_another_address_of_the_app_does_not_count(server: Server) -> None:
    with open_tab(server, login_cookie(VIEWER, "https://elsewhere.example", AUTH["cookie_secret"])) as tab:
        assert tab.request("PUT", _FILE.format(tab.session)) == 403


def test_nobody_comes_back_to_the_tab_of_another(server: Server) -> None:
    with open_tab(server, cookie(server, VIEWER)) as first:
        for cookies in ({}, cookie(server, _OTHER)):
            with open_tab(server, cookies, first.session) as second:
                assert second.session != first.session
    with open_tab(server, cookie(server, _OTHER), first.session) as third:
        assert third.session != first.session
    with open_tab(server, cookie(server, VIEWER), first.session) as same:
        assert same.session == first.session
