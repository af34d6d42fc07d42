"""A run remembers who made it and how they signed in, whatever carried the request (auth.md A25)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from fabro_core.auth.base import Identity
from fabro_core.http.services import SERVICES, Services
from tests.api.cli_logins import Browser
from tests.api.conftest import Server, manifest
from tests.api.github_logins import GitHubSite, github_site

pytestmark = pytest.mark.anyio


def created_by(answer: httpx.Response) -> dict[str, Any]:
    """Who made the run of an answer."""
    assert answer.status_code == 201, answer.text
    principal: dict[str, Any] = answer.json()["created_by"]
    return principal


async def recorded(server: Server, run_id: str) -> dict[str, Any]:
    """The subject in the provenance of a run's first event."""
    (event,) = await server.events_of(run_id, "run.created")
    subject: dict[str, Any] = event["properties"]["provenance"]["subject"]
    return subject


async def test_a_cookie_and_a_bearer_token_make_the_same_provenance(server: Server) -> None:
    browser = Browser(server.anonymous)
    assert (await browser.post("/auth/login/dev-token", json={"token": server.token})).status_code == 303
    by_cookie = (await browser.post("/api/v1/runs", json=manifest())).json()
    by_token = await server.create()
    assert by_cookie["created_by"] == by_token["created_by"] == await recorded(server, by_cookie["id"])
    assert by_cookie["created_by"]["auth_method"] == "dev_token"


async def access_token_of(site: GitHubSite, identity: Identity) -> str:
    """The access token of a program that the person has logged in."""
    services = site.server.app.litestar.state[SERVICES]
    assert isinstance(services, Services)
    cli = services.auth.require_browser().cli
    login = await cli.chains.open(identity, "github", user_agent="fabro-cli/1.0.0")
    return cli.access_tokens.issue(login.token.chain_id, login.chain).text.reveal()


async def test_a_sign_in_with_github_is_remembered_as_one(tmp_path: Path) -> None:
    async with github_site("memory", tmp_path) as site:
        browser = site.browser()
        back = await site.begun(browser)
        assert (await browser.get(back)).status_code == 303
        by_cookie = created_by(await browser.post("/api/v1/runs", json=manifest()))
        me = (await browser.get("/api/v1/auth/me")).json()["user"]
        identity = Identity(
            issuer=me["idpIssuer"], subject=me["idpSubject"], login=me["login"], avatar_url=me["avatarUrl"]
        )
        headers = {"Authorization": f"Bearer {await access_token_of(site, identity)}"}
        answer = await site.server.anonymous.post("/api/v1/runs", json=manifest(), headers=headers)
        assert created_by(answer) == by_cookie
        assert (by_cookie["auth_method"], by_cookie["identity"]["issuer"]) == ("github", site.provider.url)
