"""Nobody is locked out by what somebody else sends (auth.md A3, A7, A8, A21)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from fabro_core.auth.refresh_tokens import RefreshTokens
from tests.api.cli_logins import UNKNOWN, Site, bearer, refused, settings_of, site

pytestmark = pytest.mark.anyio

LIMIT = 3
EMBEDDED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
FORM, TOKEN, REFRESH = "/auth/login/dev-token", "/auth/cli/token", "/auth/cli/refresh"


@pytest.fixture
async def limited(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Site]:
    settings = settings_of("memory", "dev-token", "sso", limits={"login_attempts_per_minute": LIMIT})
    async with site(settings, tmp_path / "home") as it:
        yield it


async def statuses(site: Site, method: str, path: str, headers: dict[str, str], times: int) -> set[int]:
    return {(await site.client.request(method, path, headers=headers)).status_code for _ in range(times)}


@pytest.mark.parametrize(
    ("method", "path", "headers", "admitted"),
    [
        ("POST", FORM, EMBEDDED, 400),
        ("POST", FORM, {"Origin": "https://evil.example"}, 400),
        ("POST", FORM, {"Origin": "null"}, 400),
        ("POST", FORM, {"Referer": "https://evil.example/"}, 400),
        ("POST", "/auth/login/nobody", {"Sec-Fetch-Site": "same-site"}, 401),
        ("POST", TOKEN, EMBEDDED, 400),
        ("POST", TOKEN, {"Origin": "https://evil.example"}, 400),
        ("POST", REFRESH, EMBEDDED, 401),
        ("GET", "/auth/callback/sso", {**EMBEDDED, "Sec-Fetch-Dest": "image"}, 400),
        ("GET", "/auth/callback/sso", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}, 400),
        ("GET", "/auth/login/sso", {**EMBEDDED, "Sec-Fetch-Dest": "empty"}, 303),
        (
            "GET",
            "/auth/login/sso",
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document", "Sec-Purpose": "prefetch"},
            303,
        ),
    ],
)
async def test_what_another_site_makes_a_browser_send_is_refused_and_counts_against_nobody(
    limited: Site, method: str, path: str, headers: dict[str, str], admitted: int
) -> None:
    assert await statuses(limited, method, path, headers, 2 * LIMIT) == {403}
    assert await statuses(limited, method, path, {}, LIMIT) == {admitted}
    assert await statuses(limited, method, path, {}, 1) == {429}
    assert await statuses(limited, method, path, headers, 1) == {403}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/auth/callback/sso", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, 400),
        ("/auth/callback/sso", {"Sec-Fetch-Site": "cross-site"}, 400),
        ("/auth/login/sso", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, 303),
        ("/auth/login/sso", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}, 303),
    ],
)
async def test_a_browser_that_goes_there_itself_is_let_through(
    limited: Site, path: str, headers: dict[str, str], status: int
) -> None:
    assert await statuses(limited, "GET", path, headers, 1) == {status}


async def test_programs_are_counted_one_by_one_and_not_with_people(limited: Site) -> None:
    first = await limited.tokens()
    limited.server.clock.advance(timedelta(minutes=1))
    second = await limited.tokens()
    limited.server.clock.advance(timedelta(minutes=1))
    for _ in range(LIMIT):
        first = (await limited.refresh(first["refresh_token"])).json()
    assert refused(await limited.refresh(first["refresh_token"])) == (429, "rate_limited")
    assert (await limited.refresh(second["refresh_token"])).status_code == 200
    assert await statuses(limited, "POST", FORM, {}, LIMIT) == {400}, "people at the address go on"


async def test_whoever_knows_the_id_of_a_chain_neither_ends_it_nor_uses_up_its_attempts(limited: Site) -> None:
    tokens = await limited.tokens()
    chain_id = limited.session_of(tokens["refresh_token"]).id
    forged = RefreshTokens(b"x" * 32).issue(chain_id).reveal()
    for _ in range(LIMIT):
        assert refused(await limited.refresh(forged)) == (401, "refresh_token_expired")
    assert refused(await limited.refresh(forged)) == (429, "rate_limited")
    assert (await limited.refresh(tokens["refresh_token"])).status_code == 200


async def test_tokens_that_nobody_issued_count_against_who_sends_them(limited: Site) -> None:
    for _ in range(LIMIT):
        made_up = RefreshTokens(b"x" * 32).issue(str(uuid4())).reveal()
        assert refused(await limited.refresh(made_up)) == (401, "refresh_token_expired")
    for headers in (bearer(UNKNOWN), {}):
        answer = await limited.client.post(REFRESH, headers=headers)
        assert refused(answer) == (429, "rate_limited")


async def test_a_network_counts_as_one_and_others_go_on(limited: Site) -> None:
    async def attempt(address: str) -> int:
        transport = httpx.ASGITransport(limited.server.app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:3000") as client:
            return (await client.post(FORM)).status_code

    assert [await attempt(f"2001:db8::{number}:1") for number in range(LIMIT + 1)] == [400] * LIMIT + [429]
    assert await attempt("2001:db8:0:1::1") == 400
    assert [await attempt(address) for address in ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1")] == [
        *[400] * LIMIT,
        429,
    ]
