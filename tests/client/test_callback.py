"""The listener that the browser comes back to (auth.md A28, RFC 8252 §7.3)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from fabro_core.auth.oauth import is_redirect_uri
from fabro_core.client.callback import Listener, listening
from fabro_core.client.faults import ClientFailed
from fabro_core.secret import Secret

STATE = "5" * 64


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening(Secret(STATE)) as it:
        yield it


def bring(listener: Listener, **parameters: str) -> httpx.Response:
    return httpx.get(listener.redirect_uri, params=parameters, timeout=30, trust_env=False)


def test_a_server_would_bring_codes_there(listener: Listener) -> None:
    assert is_redirect_uri(listener.redirect_uri)


def test_the_code_is_taken_and_not_shown(listener: Listener) -> None:
    page = bring(listener, code="the code", state=STATE)

    assert listener.wait(30) == Secret("the code")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "the code" not in page.text
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_failure_is_shown_as_text_in_both_places(listener: Listener) -> None:
    page = bring(listener, error="access_denied", error_description="<b>No\x1b[2J</b>", state=STATE)

    assert "<b>" not in page.text
    with pytest.raises(ClientFailed, match="login failed: <b>No") as caught:
        listener.wait(30)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({}, 400),
        ({"code": "c"}, 400),
        ({"code": "c", "state": ""}, 400),
        ({"code": "c", "state": STATE[:-1]}, 400),
        ({"error": "access_denied", "state": "ö" * 64}, 400),
        ({"state": STATE}, 400),
        ({"code": "c", "error": "e", "state": STATE}, 400),
    ],
)
def test_anybody_else_is_turned_away_and_the_wait_goes_on(
    listener: Listener, parameters: dict[str, str], status: int
) -> None:
    assert bring(listener, **parameters).status_code == status
    assert bring(listener, code="mine", state=STATE).status_code == 200
    assert listener.wait(30) == Secret("mine")


def test_another_path_and_another_method_lead_nowhere(listener: Listener) -> None:
    elsewhere = listener.redirect_uri.replace("/callback", "/callbacks")
    query = {"code": "c", "state": STATE}
    assert httpx.get(elsewhere, params=query, trust_env=False).status_code == 404
    assert httpx.post(listener.redirect_uri, params=query, trust_env=False).status_code == 501
    assert bring(listener, **query).status_code == 200


def test_of_callbacks_at_once_one_is_taken(listener: Listener) -> None:
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda number: bring(listener, code=str(number), state=STATE), range(8)))

    taken = [str(number) for number, page in enumerate(pages) if page.status_code == 200]
    assert sorted(page.status_code for page in pages) == [200] + [410] * 7
    assert [listener.wait(30)] == [Secret(code) for code in taken]


def test_a_connection_that_says_nothing_holds_nobody_up(listener: Listener) -> None:
    port = int(listener.redirect_uri.removesuffix("/callback").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        assert bring(listener, code="c", state=STATE).status_code == 200
        assert listener.wait(30) == Secret("c")


def test_nothing_is_printed(listener: Listener, capfd: pytest.CaptureFixture[str]) -> None:
    bring(listener, code="c", state="foreign")
    bring(listener, code="c", state=STATE)
    assert capfd.readouterr() == ("", "")


def test_nothing_listens_afterwards() -> None:
    with listening(Secret(STATE)) as listener:
        pass
    with pytest.raises(httpx.ConnectError):
        bring(listener)
