"""What a new session secret ends, what goes on, and what happens to what the old one has sealed (auth.md A14, A28)."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from fabro_core.errors import StartupError
from tests.api.cli_logins import Browser, Site, refused, settings_of
from tests.api.cli_logins import site as cli_site
from tests.api.conftest import SESSION_SECRET
from tests.auth.conftest import documents_of

pytestmark = pytest.mark.anyio

NEWEST = "n" * 64
WHO = "/api/v1/user"


async def test_sessions_and_tokens_end_logins_of_programs_go_on_and_documents_are_sealed_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_of("sqlite", "sso")
    async with cli_site(settings, tmp_path) as before:
        person, program = await before.signed_in(), await before.tokens()
        used = program["refresh_token"]
        program = (await before.refresh(used)).json()
        browser = before.browser()
        state = (await browser.get("/auth/login/sso")).headers["location"].partition("state=")[2]
        ((_, sealed),) = await documents_of(before.server.store, "auth.login", before.server.clock)
        assert (await person.get(WHO)).status_code == 200

    rotated = {"SESSION_SECRET": NEWEST, "SESSION_SECRET_PREVIOUS": SESSION_SECRET}
    with caplog.at_level(logging.INFO, logger="fabro.auth"):
        async with cli_site(settings, tmp_path, **rotated) as after:
            assert "SESSION_SECRET_PREVIOUS seals nothing any more, 1 documents were sealed anew" in caplog.text
            ((_, resealed),) = await documents_of(after.server.store, "auth.login", after.server.clock)
            assert resealed != sealed
            assert (await moved(person.cookies, after).get(WHO)).status_code == 401
            refusal = await after.who(program["access_token"])
            assert (refusal.status_code, refusal.json()["errors"][0]["code"]) == (401, "access_token_expired")
            assert (await after.refresh(program["refresh_token"])).status_code == 200
            back = await moved(browser.cookies, after).get(
                "/auth/callback/sso", params={"state": state, "code": "consent"}
            )
            assert (back.status_code, back.headers["location"]) == (303, "/runs")
            after.server.clock.advance(timedelta(minutes=1))
            assert refused(await after.refresh(used)) == (401, "refresh_token_revoked"), "it was issued once"


async def test_a_previous_secret_that_is_too_short_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="SESSION_SECRET_PREVIOUS: expected at least 32 bytes"):
        async with cli_site(settings_of("memory", "sso"), tmp_path, SESSION_SECRET_PREVIOUS="x"):
            pass


def moved(cookies: dict[str, str], site: Site) -> Browser:
    """A browser with these cookies, at another server."""
    return Browser(site.client, dict(cookies))
