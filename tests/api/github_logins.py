"""People who sign in with GitHub: their browser, and a real provider of GitHub's kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from fabro_core.testing import FakeIdentityProvider
from tests.api.cli_logins import Browser
from tests.api.conftest import Server, serving
from tests.github import github_table

PROGRAM = {"Accept": "application/json"}
"""Headers that make an API client of a browser."""


@dataclass
class GitHubSite:
    """A server that people sign in to with GitHub."""

    server: Server
    provider: FakeIdentityProvider

    def browser(self) -> Browser:
        return Browser(self.server.anonymous)

    async def begun(self, browser: Browser, return_to: str | None = None) -> str:
        """Go to the provider and agree there; the path and query that it sends the browser back to."""
        answer = await browser.get("/auth/login/github", params={} if return_to is None else {"return_to": return_to})
        assert answer.status_code == 303, answer.text
        return await self.agreed(answer.headers["location"])

    async def agreed(self, url: str) -> str:
        """What the provider makes of an authorization request, as a path of this server."""
        async with httpx.AsyncClient() as client:
            answer = await client.get(url)
        assert answer.status_code == 302, answer.text
        back = urlsplit(answer.headers["location"])
        return f"{back.path}?{back.query}"


@asynccontextmanager
async def github_site(store_kind: str, home: Path, **tables: Any) -> AsyncIterator[GitHubSite]:
    """A server whose only methods are `github`, where Mona is on the list, and `dev-token`."""
    async with FakeIdentityProvider().running() as provider:
        github = github_table(provider, "MONA")
        settings = {
            "auth": {"methods": ["github", "dev-token"], "github": github},
            "store": {"kind": store_kind},
            "limits": {"login_attempts_per_minute": 1_000},
            **tables,
        }
        secret = provider.client_secret
        async with serving({"server": settings}, home, GITHUB_APP_CLIENT_SECRET=secret) as server:
            yield GitHubSite(server, provider)


def query_of(url: str) -> dict[str, str]:
    """The query of a URL, each parameter once."""
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query, strict_parsing=True).items()}
