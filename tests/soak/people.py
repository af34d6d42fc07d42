"""People who sign in and out, and programs that renew their tokens, again and again, at whichever server answers."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from fabro_core.testing import FakeIdentityProvider
from tests.api.cli_logins import ASKED, REDIRECT_URI, VERIFIER, bearer, brought, flow_of
from tests.races.server_process import TOKEN
from tests.soak.caller import SETTLE_SECONDS, Caller

RACED_SECONDS = 10
"""How long the token before the current one is told from a stolen one (auth.md A21)."""

SERVERS = 3

RENEWALS_OF_A_LOGIN = 5


def cookie_of(answer: httpx.Response, name: str = "__fabro_session") -> str:
    (found,) = (header for header in answer.headers.get_list("set-cookie") if header.startswith(f"{name}="))
    return str(found.split(";")[0])


async def come_and_go(caller: Caller, until: asyncio.Event) -> None:
    """Sign in with the form, be known everywhere, sign out, be unknown everywhere."""
    while not until.is_set():
        answer = await caller.read("POST", "/auth/login/dev-token", token="", json={"token": TOKEN})
        assert answer.status_code == 200, answer.text
        cookie = {"Cookie": cookie_of(answer)}
        for _ in range(SERVERS):
            known = await caller.read("GET", "/api/v1/user", token="", headers=cookie)
            assert known.status_code == 200, known.text
        left = await caller.read("POST", "/auth/logout", token="", headers=cookie)
        assert left.status_code == 303, left.text
        for _ in range(SERVERS):
            unknown = await caller.read("GET", "/api/v1/user", token="", headers=cookie)
            assert unknown.status_code == 401, unknown.text
        caller.counts["sessions"] += 1
        await asyncio.sleep(SETTLE_SECONDS)


class Program:
    """A program that is logged in on the command line and renews its tokens."""

    def __init__(self, caller: Caller, provider: FakeIdentityProvider) -> None:
        self._caller = caller
        self._provider = provider

    async def work(self, until: asyncio.Event) -> None:
        """Renew as often as may be; log in again now and then, and when the protocol says so."""
        while not until.is_set():
            await self._use(await self._logged_in())

    async def _use(self, tokens: dict[str, Any]) -> None:
        """Renew some times, fewer when new tokens get lost on the way."""
        for _ in range(RENEWALS_OF_A_LOGIN):
            renewed = await self._renewed(tokens["refresh_token"])
            if renewed is None:
                return
            replayed = await self._caller.once(
                "POST", "/auth/cli/refresh", token="", headers=bearer(tokens["refresh_token"])
            )
            if replayed is not None:
                assert (replayed.status_code, replayed.json()["error"]) == (401, "refresh_token_raced")
            tokens = renewed
            for _ in range(SERVERS):
                known = await self._caller.read("GET", "/api/v1/user", token=tokens["access_token"])
                assert known.status_code == 200, known.text
            self._caller.counts["renewals"] += 1
            await asyncio.sleep(SETTLE_SECONDS)

    async def _renewed(self, refresh_token: str) -> dict[str, Any] | None:
        """The next tokens; None when they were made and got lost on the way."""
        began, unsure = time.monotonic(), False
        while True:
            answer = await self._caller.once("POST", "/auth/cli/refresh", token="", headers=bearer(refresh_token))
            if answer is None:
                unsure = True
                await asyncio.sleep(SETTLE_SECONDS)
                continue
            if answer.status_code == 200:
                tokens: dict[str, Any] = answer.json()
                return tokens
            assert unsure, answer.text
            error = answer.json()["error"]
            if error == "refresh_token_revoked":  # tried again too late, which looks like theft
                assert time.monotonic() - began > RACED_SECONDS / 2
            else:
                assert error == "refresh_token_raced", answer.text
            self._caller.counts["renewals lost"] += 1
            return None

    async def _logged_in(self) -> dict[str, Any]:
        """Tokens of a new login; a login that is broken off is begun again."""
        while True:
            tokens = await self._attempt()
            if tokens is not None:
                self._caller.counts["logins"] += 1
                return tokens
            await asyncio.sleep(SETTLE_SECONDS)

    async def _attempt(self) -> dict[str, Any] | None:
        began = await self._caller.read("GET", "/auth/login/github", token="")
        assert began.status_code == 303, began.text
        state = cookie_of(began, "fabro_oauth_state")
        async with httpx.AsyncClient(trust_env=False) as browser:
            agreed = await browser.get(began.headers["location"])
        back = urlsplit(agreed.headers["location"])
        came = await self._caller.once("GET", f"{back.path}?{back.query}", token="", headers={"Cookie": state})
        if came is None or not came.headers.get("location", "").startswith("/runs"):
            return None
        session = cookie_of(came)
        asked = await self._caller.read("GET", "/auth/cli/start", token="", params=ASKED, headers={"Cookie": session})
        if asked.headers.get("location") != "/auth/cli/resume":
            return None
        cookies = {"Cookie": f"{session}; {cookie_of(asked, 'fabro_cli_flow')}", "Origin": self._caller.url}
        page = await self._caller.read("GET", "/auth/cli/resume", token="", headers=cookies)
        if page.status_code != 200:
            return None
        form = {"flow": flow_of(page.text)}
        confirmed = await self._caller.once("POST", "/auth/cli/resume", token="", headers=cookies, data=form)
        if confirmed is None or confirmed.status_code != 303 or "code=" not in confirmed.headers["location"]:
            return None
        body = {
            "grant_type": "authorization_code",
            "code": brought(confirmed)["code"],
            "code_verifier": VERIFIER,
            "redirect_uri": REDIRECT_URI,
        }
        answer = await self._caller.once("POST", "/auth/cli/token", token="", json=body)
        if answer is None or answer.status_code != 200:
            return None
        tokens: dict[str, Any] = answer.json()
        return tokens
