"""Sign-ins at an identity provider with methods of somebody else: what they may do, and what they may get wrong
(auth.md A11, A12)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fabro_core.auth.base import AuthMethod, Identity, LoginAttempt, LoginCallback, LoginOption, Redirect
from fabro_core.secret import Secret
from tests.api.cli_logins import Browser, SsoMethod, plugin_of
from tests.api.conftest import Server, in_memory, serving
from tests.api.github_logins import PROGRAM, query_of

pytestmark = pytest.mark.anyio

ON_LOGIN_PAGE = "/login?error="


class Club(SsoMethod):
    """A redirect method of which each part can be replaced."""

    def __init__(self, *, url: Any = "https://sso.example/authorize", identity: Any = None) -> None:
        super().__init__()
        self.url = url
        self.identity = identity
        self.finished: list[LoginCallback] = []

    def option(self) -> LoginOption:
        return LoginOption(label="Club", kind="redirect")

    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        if isinstance(self.url, Exception):
            raise self.url
        url = self.url if "\x00" in self.url else f"{self.url}?state={attempt.state.reveal()}"
        return Redirect(url=url, keep=Secret("kept for later"))

    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        self.finished.append(callback)
        if isinstance(self.identity, Exception):
            raise self.identity
        identity: Identity = self.identity
        return identity


async def club_callback(server: Server) -> tuple[Browser, str]:
    browser = Browser(server.anonymous)
    started = await browser.get("/auth/login/club")
    assert started.status_code == 303
    return browser, f"/auth/callback/club?state={query_of(started.headers['location'])['state']}&code=consent"


CLUB = in_memory(auth={"methods": ["club"]})


async def test_what_a_method_keeps_comes_back_to_it(tmp_path: Path) -> None:
    club = Club(identity=Identity(issuer="https://sso.example", subject="1", login="ann"))
    async with serving(CLUB, tmp_path, plugin_of(club, "club")) as server:
        browser, callback = await club_callback(server)
        assert (await browser.get(callback)).status_code == 303
        (finished,) = club.finished
        assert finished.kept == Secret("kept for later")
        assert finished.code == Secret("consent")
        assert finished.callback_url == "http://localhost:3000/auth/callback/club"
        assert len(finished.code_verifier.reveal()) == 43


@pytest.mark.parametrize(
    "url", [RuntimeError("a secret detail"), "/relative", "javascript:alert(1)", "https://x\r\nSet-Cookie: y", "\x00"]
)
async def test_a_method_that_cannot_begin_is_a_failure_of_the_provider(tmp_path: Path, url: Any) -> None:
    async with serving(CLUB, tmp_path, plugin_of(Club(url=url), "club")) as server:
        browser = Browser(server.anonymous)
        answer = await browser.get("/auth/login/club")
        assert (answer.status_code, answer.headers["location"]) == (303, ON_LOGIN_PAGE + "server_error")
        assert browser.cookies == {}
        answer = await browser.get("/auth/login/club?return_to=/auth/cli/resume")
        assert query_of(answer.headers["location"])["error_description"] == "Could not complete Club sign-in"
        answer = await browser.get("/auth/login/club", headers=PROGRAM)
        assert answer.status_code == 502
        assert "a secret detail" not in answer.text


@pytest.mark.parametrize("identity", [RuntimeError("a secret detail"), None, "ann"])
async def test_a_method_that_cannot_finish_is_a_failure_of_the_provider(tmp_path: Path, identity: Any) -> None:
    async with serving(CLUB, tmp_path, plugin_of(Club(identity=identity), "club")) as server:
        browser, callback = await club_callback(server)
        answer = await browser.get(callback, headers=PROGRAM)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (502, "identity_provider_error")
        assert "a secret detail" not in answer.text


async def test_a_method_that_cannot_tell_who_is_permitted_is_unavailable(tmp_path: Path) -> None:
    club = Club(identity=Identity(issuer="https://sso.example", subject="1", login="ann"))
    club.broken = True
    async with serving(CLUB, tmp_path, plugin_of(club, "club")) as server:
        browser, callback = await club_callback(server)
        answer = await browser.get(callback, headers=PROGRAM)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (503, "method_unavailable")


async def test_a_method_without_a_sign_in_is_not_found(tmp_path: Path) -> None:
    class Tokens(AuthMethod):
        token_prefixes = ("tok_",)

    settings = in_memory(auth={"methods": ["tokens"]})
    async with serving(settings, tmp_path, plugin_of(Tokens(), "tokens")) as server:
        assert (await server.anonymous.get("/auth/login/tokens")).status_code == 404
        assert (await server.anonymous.get("/auth/callback/tokens?state=x&code=y")).status_code == 400


async def test_without_pages_there_is_no_way(tmp_path: Path) -> None:
    async with serving(in_memory(web={"enabled": False}), tmp_path) as server:
        for path in ("/auth/login/github", "/auth/callback/github"):
            assert (await server.anonymous.get(path)).status_code == 404
