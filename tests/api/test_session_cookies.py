"""Several session cookies in one request: of other paths, of another port of the host, or planted (auth.md A4)."""

from __future__ import annotations

import httpx
import pytest

from fabro_core.http.services import SERVICES
from tests.api.conftest import Server
from tests.api.test_sign_in import WHO, sign_in
from tests.api.test_sign_in import browser as browser  # a fixture
from tests.api.test_sign_in import settings as settings  # another

pytestmark = pytest.mark.anyio


async def sid_of(server: Server, cookie: str) -> str:
    """The id of the session that a cookie stands for."""
    services = server.app.litestar.state[SERVICES]
    session = await services.auth.require_browser().sessions.find(cookie)
    assert session is not None
    key: str = session.key
    return key


async def who_with(server: Server, *cookies: str) -> httpx.Response:
    """The answer to a request with several session cookies, the one of the longest path first."""
    header = "; ".join(f"__fabro_session={cookie}" for cookie in cookies)
    return await server.anonymous.get(WHO, headers={"Cookie": header})


async def test_of_several_cookies_the_first_that_is_usable_counts(server: Server, browser: httpx.AsyncClient) -> None:
    first, bad = await sign_in(browser, server.token), "garbage"
    browser.cookies.clear()
    second = await sign_in(browser, server.token)
    for cookies in ([first, bad], [bad, first], [bad, bad, bad, first], [first, second, bad, bad, bad]):
        answer = await server.anonymous.get(
            "/api/v1/auth/sessions", headers={"Cookie": "; ".join(f"__fabro_session={each}" for each in cookies)}
        )
        assert answer.status_code == 200
        current, other = answer.json()["sessions"]
        assert (current["current"], other["current"]) == (True, False)
        assert current["id"] == f"browser:{await sid_of(server, first)}"
    assert (await who_with(server, bad, bad, bad, bad, first)).status_code == 401, "no more than four are looked at"


async def test_a_cookie_whose_session_has_ended_hides_no_other(server: Server, browser: httpx.AsyncClient) -> None:
    ended = await sign_in(browser, server.token)
    good = await sign_in(browser, server.token)
    assert (await who_with(server, ended)).status_code == 401
    assert (await who_with(server, ended, good)).status_code == 200


async def test_signing_in_and_out_ends_every_session_that_the_browser_brings(
    server: Server, browser: httpx.AsyncClient
) -> None:
    kept = []
    for _ in range(4):
        kept.append(await sign_in(browser, server.token))
        browser.cookies.clear()
    for path, body, brought in (
        ("/auth/logout", None, kept[:2]),
        ("/auth/login/dev-token", {"token": server.token}, kept[2:]),
    ):
        cookies = "; ".join(f"__fabro_session={cookie}" for cookie in brought)
        answer = await server.anonymous.post(path, json=body, headers={"Cookie": cookies})
        assert answer.status_code < 400
        assert [(await who_with(server, cookie)).status_code for cookie in brought] == [401, 401]
