"""The caller's sign-ins: listed, and ended one by one (auth.md A18)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from fabro_core.auth.base import Identity
from fabro_core.auth.caller import User
from fabro_core.http.services import SERVICES, Services
from tests.api.conftest import Server

pytestmark = [pytest.mark.anyio, pytest.mark.every_store]

ORIGIN = "http://localhost:3000"
SESSIONS = "/api/v1/auth/sessions"
NOBODYS = "6f1f0a52-0d2e-4a55-9d0e-3a4f4f3c9b11"
DEVELOPER = Identity(issuer="fabro:dev", subject="dev", login="dev")
STRANGER = Identity(issuer="fabro:dev", subject="other", login="other")


@pytest.fixture
async def browsers(server: Server) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """Two browsers of the developer; the second signed in a minute after the first."""
    transport = httpx.ASGITransport(server.app, raise_app_exceptions=False)
    async with (
        httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"User-Agent": "First/1\x01"}) as first,
        httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"User-Agent": "S" * 300}) as second,
    ):
        for browser in (first, second):
            answer = await browser.post("/auth/login/dev-token", json={"token": server.token})
            assert answer.status_code == 200
            server.clock.advance(timedelta(seconds=30))
        yield first, second


def services(server: Server) -> Services:
    found = server.app.litestar.state[SERVICES]
    assert isinstance(found, Services)
    return found


async def sessions_of(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get(SESSIONS)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json()["sessions"]
    return listed


async def test_the_own_session_comes_first_and_the_others_by_last_use(
    server: Server, browsers: tuple[httpx.AsyncClient, httpx.AsyncClient]
) -> None:
    first, second = browsers
    chains = services(server).auth.require_browser().cli.chains
    issued = await chains.open(DEVELOPER, "dev-token", user_agent=None)
    await chains.open(STRANGER, "dev-token", user_agent=None)
    own, cli, other = await sessions_of(first)
    assert own == {
        "id": own["id"],
        "kind": "browser",
        "current": True,
        "provider": "dev-token",
        "login": "dev",
        "label": "This browser",
        "userAgent": "First/1",
        "createdAt": own["createdAt"],
        "lastSeenAt": own["lastSeenAt"],
        "expiresAt": own["expiresAt"],
        "revocable": True,
    }
    assert (cli["id"], cli["kind"], cli["label"]) == (f"cli:{issued.token.chain_id}", "cli", "Fabro CLI")
    assert (cli["userAgent"], cli["current"]) == (None, False)
    assert (other["label"], other["userAgent"]) == ("Browser", "S" * 256)
    server.clock.advance(timedelta(minutes=2))
    await first.get("/api/v1/user")
    assert [entry["label"] for entry in await sessions_of(second)] == ["This browser", "Browser", "Fabro CLI"]
    assert not any(entry["current"] for entry in await sessions_of(server.client)), "a bearer token has no row"


async def test_the_last_use_is_noted_at_most_once_a_minute(
    server: Server, browsers: tuple[httpx.AsyncClient, httpx.AsyncClient]
) -> None:
    first, _ = browsers
    noted = (await sessions_of(first))[0]["lastSeenAt"]
    server.clock.advance(timedelta(seconds=59))
    assert (await sessions_of(first))[0]["lastSeenAt"] == noted
    server.clock.advance(timedelta(seconds=1))
    assert (await sessions_of(first))[0]["lastSeenAt"] != noted


async def test_an_ended_session_is_over_at_once(
    server: Server, browsers: tuple[httpx.AsyncClient, httpx.AsyncClient]
) -> None:
    first, second = browsers
    own, other = await sessions_of(first)
    answer = await first.delete(f"{SESSIONS}/{other['id']}")
    assert (answer.status_code, "set-cookie" in answer.headers) == (204, False)
    assert (await second.get("/api/v1/user")).status_code == 401
    assert (await first.delete(f"{SESSIONS}/{other['id']}")).status_code == 404
    answer = await first.delete(f"{SESSIONS}/{own['id'].upper().replace('BROWSER', 'browser')}")
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert await sessions_of(server.client) == []


async def test_current_names_the_session_of_the_cookie(
    server: Server, browsers: tuple[httpx.AsyncClient, httpx.AsyncClient]
) -> None:
    first, second = browsers
    assert (await server.client.delete(f"{SESSIONS}/browser:current")).status_code == 404
    assert (await first.delete(f"{SESSIONS}/browser:current")).status_code == 204
    assert [entry["label"] for entry in await sessions_of(second)] == ["This browser"]


async def test_nobody_ends_the_session_of_somebody_else(
    server: Server, browsers: tuple[httpx.AsyncClient, httpx.AsyncClient]
) -> None:
    found = services(server).auth.require_browser()
    session, _ = await found.sessions.open(
        User(identity=STRANGER, method="dev-token"), credential=None, user_agent=None
    )
    chain = (await found.cli.chains.open(STRANGER, "dev-token", user_agent=None)).token.chain_id
    for key in (str(session), f"cli:{chain}"):
        assert (await server.client.delete(f"{SESSIONS}/{key}")).status_code == 404
    assert await found.sessions.is_live(session.id)
    assert await found.cli.chains.is_live(chain)


@pytest.mark.parametrize(
    ("key", "status", "detail"),
    [
        (f"browser:{NOBODYS}", 404, "Auth session not found."),
        (f"cli:{NOBODYS}", 404, "Auth session not found."),
        ("browser:x", 400, "Malformed auth session id."),
        ("cli:current", 400, "Malformed auth session id."),
        ("cli:", 400, "Malformed auth session id."),
        ("worker:x", 404, "Auth session not found."),
        ("x", 404, "Auth session not found."),
    ],
)
async def test_other_ids_name_no_session(server: Server, key: str, status: int, detail: str) -> None:
    answer = await server.client.delete(f"{SESSIONS}/{key}")
    assert (answer.status_code, answer.json()["errors"][0]["detail"]) == (status, detail)


async def test_ending_a_session_with_the_cookie_is_refused_to_foreign_pages(
    browsers: tuple[httpx.AsyncClient, httpx.AsyncClient],
) -> None:
    first, _ = browsers
    answer = await first.delete(f"{SESSIONS}/browser:current", headers={"Origin": "https://evil.example"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "csrf_rejected")
