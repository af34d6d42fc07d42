"""Two servers on one SQLite file or one Redis: what one of them is told counts on the other at once (auth.md A8, A14,
A15, A20, A21; server.md S21)."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fabro_auth_devtoken import new_token
from fabro_core.app import create_app
from fabro_core.testing.clock import ManualClock
from tests.api.cli_logins import ORIGIN, Site, SsoMethod, bearer, plugin_of, refused
from tests.api.conftest import SESSION_SECRET, Server
from tests.plugins.store_redis.valkey import Valkey
from tests.replicas import shared_valkey as shared_valkey  # a fixture

pytestmark = pytest.mark.anyio

FORM = "/auth/login/dev-token"
WHO = "/api/v1/user"


@dataclass
class Replicas:
    """Two servers with the same settings, and one clock for both."""

    first: Site
    second: Site
    clock: ManualClock
    token: str

    @property
    def clients(self) -> Sequence[httpx.AsyncClient]:
        return self.first.client, self.second.client

    async def sign_in(self) -> dict[str, str]:
        """The cookie of a session that the first of them has opened."""
        answer = await self.first.client.post(FORM, json={"token": self.token})
        assert answer.status_code == 200, answer.text
        self.first.client.cookies.clear()
        return {"Cookie": f"__fabro_session={answer.cookies['__fabro_session']}"}

    async def statuses(self, headers: dict[str, str]) -> list[int]:
        """What each of them answers to a credential."""
        return [(await client.get(WHO, headers=headers)).status_code for client in self.clients]


@pytest.fixture(params=["sqlite", "redis"])
async def replicas(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Replicas]:
    clock, token = ManualClock(), new_token()
    store: dict[str, Any] = {"kind": request.param}
    if request.param == "redis":
        valkey: Valkey = request.getfixturevalue("shared_valkey")
        store["redis"] = {"url": valkey.url, "prefix": secrets.token_hex(8)}
    async with replica(tmp_path, store, clock, token) as first, replica(tmp_path, store, clock, token) as second:
        yield Replicas(first, second, clock, token)


@asynccontextmanager
async def replica(home: Path, store: dict[str, Any], clock: ManualClock, token: str) -> AsyncIterator[Site]:
    settings: dict[str, Any] = {"server": {"auth": {"methods": ["dev-token", "sso"]}, "store": store}}
    environ = {"FABRO_HOME": str(home), "FABRO_DEV_TOKEN": token, "SESSION_SECRET": SESSION_SECRET}
    method = SsoMethod()
    app = create_app(settings, plugins=[plugin_of(method)], clock=clock, environ=environ)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield Site(Server(app, clock, client, client, token), method, client)


# -- sessions and logins -----------------------------------------------------------------------------------------------


async def test_a_session_counts_on_both(replicas: Replicas) -> None:
    assert await replicas.statuses(await replicas.sign_in()) == [200, 200]


async def test_a_cookie_that_is_replayed_after_signing_out_is_refused_on_both(replicas: Replicas) -> None:
    cookie = await replicas.sign_in()
    assert (await replicas.second.client.post("/auth/logout", headers=cookie)).status_code == 303
    assert await replicas.statuses(cookie) == [401, 401]


async def test_a_session_that_is_revoked_on_one_is_over_on_both(replicas: Replicas) -> None:
    cookie, dev = await replicas.sign_in(), bearer(replicas.token)
    (session,) = (await replicas.second.client.get("/api/v1/auth/sessions", headers=dev)).json()["sessions"]
    path = f"/api/v1/auth/sessions/{session['id']}"
    assert (await replicas.second.client.delete(path, headers=dev)).status_code == 204
    assert await replicas.statuses(cookie) == [401, 401]


async def test_a_session_that_ends_while_its_use_is_noted_stays_ended(replicas: Replicas) -> None:
    cookie = await replicas.sign_in()
    for _ in range(10):
        replicas.clock.advance(timedelta(minutes=2))
        uses = [client.get(WHO, headers=cookie) for client in replicas.clients]
        end = replicas.second.client.post("/auth/logout", headers=cookie)
        await asyncio.gather(*uses, end)
        assert await replicas.statuses(cookie) == [401, 401]
        cookie = await replicas.sign_in()


@pytest.mark.parametrize("replicas", ["redis"], indirect=True)
async def test_whoever_is_signed_in_can_read_while_the_store_takes_no_writes(
    replicas: Replicas, shared_valkey: Valkey
) -> None:
    cookie, tokens = await replicas.sign_in(), await replicas.first.tokens()
    replicas.clock.advance(timedelta(minutes=2))
    shared_valkey.ask(b"CONFIG SET maxmemory 1")
    try:
        for headers in (cookie, bearer(tokens["access_token"])):
            assert await replicas.statuses(headers) == [200, 200]
        assert (await replicas.first.client.post(FORM, json={"token": replicas.token})).status_code == 503
    finally:
        shared_valkey.ask(b"CONFIG SET maxmemory 0")


async def test_a_login_that_ends_on_one_takes_its_access_token_along_on_both(replicas: Replicas) -> None:
    tokens = await replicas.first.tokens()
    assert await replicas.statuses(bearer(tokens["access_token"])) == [200, 200]
    logout = await replicas.second.client.post("/auth/cli/logout", headers=bearer(tokens["refresh_token"]))
    assert logout.status_code == 204
    assert await replicas.statuses(bearer(tokens["access_token"])) == [401, 401]


async def test_a_replay_that_one_sees_ends_the_login_on_both(replicas: Replicas) -> None:
    old = await replicas.first.tokens()
    new = (await replicas.first.refresh(old["refresh_token"])).json()
    replicas.clock.advance(timedelta(seconds=11))
    assert refused(await replicas.second.refresh(old["refresh_token"])) == (401, "refresh_token_revoked")
    assert refused(await replicas.first.refresh(new["refresh_token"])) == (401, "refresh_token_revoked")
    assert await replicas.statuses(bearer(new["access_token"])) == [401, 401]


# -- used once, on whichever of them -----------------------------------------------------------------------------------


async def test_of_refreshes_on_both_at_once_one_succeeds(replicas: Replicas) -> None:
    token = (await replicas.first.tokens())["refresh_token"]
    answers = await asyncio.gather(*(site.refresh(token) for site in (replicas.first, replicas.second) * 4))
    (winner,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert [refused(answer) for answer in answers if answer.status_code != 200] == [(401, "refresh_token_raced")] * 7
    assert await replicas.statuses(bearer(winner["access_token"])) == [200, 200]


async def test_of_exchanges_of_a_code_on_both_at_once_one_succeeds(replicas: Replicas) -> None:
    code = await replicas.first.code()
    answers = await asyncio.gather(*(site.exchange(code) for site in (replicas.first, replicas.second) * 4))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 7}
    assert {refused(answer) for answer in answers if answer.status_code == 400} == {(400, "invalid_code")}


# -- attempts ----------------------------------------------------------------------------------------------------------


async def test_attempts_on_both_are_counted_together(replicas: Replicas) -> None:
    for client in (*replicas.clients,) * 5:
        assert (await client.post(FORM, json={"token": "x"})).status_code == 401
        replicas.clock.advance(timedelta(seconds=1))
    for client in replicas.clients:
        answer = await client.post(FORM, json={"token": replicas.token})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "50")
    replicas.clock.advance(timedelta(seconds=50))
    assert [(await client.post(FORM, json={"token": "x"})).status_code for client in replicas.clients] == [401, 429]


async def test_of_twenty_attempts_at_once_exactly_as_many_are_counted_as_may_be(replicas: Replicas) -> None:
    attempts = [client.post(FORM, json={"token": "x"}) for client in (*replicas.clients,) * 10]
    answers = await asyncio.gather(*attempts)
    assert Counter(answer.status_code for answer in answers) == {401: 10, 429: 10}
