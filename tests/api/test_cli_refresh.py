"""Refresh tokens over HTTP: rotation, races, replays, and what is none (auth.md A21, A29 33 to 35)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.api.cli_logins import UNKNOWN, Site, audited, bearer, refused, settings_of, site

pytestmark = pytest.mark.anyio

REFRESH = "/auth/cli/refresh"


@pytest.fixture
async def cli_site(store_kind: str, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Site]:
    async with site(settings_of(store_kind, "dev-token", "sso"), tmp_path / "home") as it:
        yield it


async def test_a_refresh_token_is_exchanged_for_the_next(cli_site: Site) -> None:
    first = await cli_site.tokens()
    cli_site.server.clock.advance(timedelta(days=29))
    answer = await cli_site.refresh(first["refresh_token"])
    second = answer.json()
    assert answer.status_code == 200
    assert second.keys() == first.keys()
    assert second["subject"] == first["subject"]
    assert second["refresh_token_expires_at"] == "2026-04-30T10:15:30Z"
    assert cli_site.session_of(second["refresh_token"]) == cli_site.session_of(first["refresh_token"])
    assert (await cli_site.who(second["access_token"])).status_code == 200
    assert (await cli_site.refresh(second["refresh_token"])).status_code == 200


async def test_of_fifty_refreshes_at_once_one_succeeds_and_its_tokens_go_on(cli_site: Site) -> None:
    tokens = await cli_site.tokens()
    answers = await asyncio.gather(*(cli_site.refresh(tokens["refresh_token"]) for _ in range(50)))
    (winner,) = (answer.json() for answer in answers if answer.status_code == 200)
    losers = [refused(answer) for answer in answers if answer.status_code != 200]
    assert losers == [(401, "refresh_token_raced")] * 49
    assert (await cli_site.who(winner["access_token"])).status_code == 200
    assert (await cli_site.refresh(winner["refresh_token"])).status_code == 200


async def test_a_replay_ends_the_newest_token_and_its_access_token_too(
    cli_site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    first = await cli_site.tokens()
    second = (await cli_site.refresh(first["refresh_token"])).json()
    cli_site.server.clock.advance(timedelta(minutes=1))
    assert (await cli_site.who(second["access_token"])).status_code == 200
    with caplog.at_level(logging.INFO, logger="fabro.audit"):
        assert refused(await cli_site.refresh(first["refresh_token"])) == (401, "refresh_token_revoked")
    (line,) = audited(caplog)
    assert (line["event"], line["idp_subject"], line["auth_method"]) == ("refresh_replayed", "90210", "sso")
    assert refused(await cli_site.refresh(second["refresh_token"])) == (401, "refresh_token_revoked")
    answer = await cli_site.who(second["access_token"])
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "access_token_invalid")


@pytest.mark.parametrize(
    ("headers", "error", "challenge"),
    [
        ([], "refresh_token_expired", 'Bearer realm="fabro"'),
        ([("Authorization", "")], "unauthorized", 'Bearer realm="fabro"'),
        ([("Authorization", "Basic eDp5")], "unauthorized", 'Bearer realm="fabro"'),
        ([("Authorization", f"Bearer {UNKNOWN}")] * 2, "unauthorized", 'Bearer realm="fabro"'),
        ([("Authorization", "Bearer a.b.c")], "unauthorized", 'Bearer realm="fabro", error="invalid_token"'),
        ([("Authorization", "Bearer " + "x" * 9_000)], "unauthorized", 'Bearer realm="fabro", error="invalid_token"'),
        (
            [("Authorization", "Bearer fabro_refresh_x")],
            "refresh_token_expired",
            'Bearer realm="fabro", error="invalid_token"',
        ),
        (
            [("Authorization", "Bearer fabro_refresh_" + "x" * 9_000)],
            "refresh_token_expired",
            'Bearer realm="fabro", error="invalid_token"',
        ),
        (
            [("Authorization", f"Bearer {UNKNOWN}")],
            "refresh_token_expired",
            'Bearer realm="fabro", error="invalid_token"',
        ),
    ],
    ids=["none", "empty", "basic", "two", "foreign", "long", "malformed", "long-refresh", "unknown"],
)
async def test_what_is_no_refresh_token_is_told_apart(
    cli_site: Site, headers: list[tuple[str, str]], error: str, challenge: str
) -> None:
    answer = await cli_site.client.post(REFRESH, headers=headers)
    assert refused(answer) == (401, error)
    assert answer.headers["www-authenticate"] == challenge
    assert UNKNOWN not in answer.text


async def test_the_body_of_a_refresh_is_ignored(cli_site: Site) -> None:
    tokens = await cli_site.tokens()
    answer = await cli_site.client.post(
        REFRESH, content=b"{", headers={**bearer(tokens["refresh_token"]), "Content-Type": "text/plain"}
    )
    assert answer.status_code == 200


async def test_a_chain_expires_thirty_days_after_its_last_rotation(cli_site: Site) -> None:
    tokens = await cli_site.tokens()
    cli_site.server.clock.advance(timedelta(days=30))
    assert refused(await cli_site.refresh(tokens["refresh_token"])) == (401, "refresh_token_expired")


async def test_who_is_no_longer_permitted_loses_the_login(cli_site: Site) -> None:
    tokens = await cli_site.tokens()
    cli_site.method.barred.add("mona")
    answer = await cli_site.refresh(tokens["refresh_token"])
    assert refused(answer) == (403, "unauthorized")
    assert answer.json()["errors"][0]["code"] == "login_not_permitted"
    cli_site.method.barred.clear()
    assert refused(await cli_site.refresh(tokens["refresh_token"])) == (401, "refresh_token_expired")


async def test_a_method_that_cannot_tell_costs_nobody_the_login(cli_site: Site) -> None:
    tokens = await cli_site.tokens()
    cli_site.method.broken = True
    assert refused(await cli_site.refresh(tokens["refresh_token"])) == (503, "method_unavailable")
    cli_site.method.broken = False
    assert (await cli_site.refresh(tokens["refresh_token"])).status_code == 200
