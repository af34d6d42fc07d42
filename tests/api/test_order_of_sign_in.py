"""A sign-in that breaks several rules is refused for the first one (auth.md A8, A10 to A12, A20)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.github_logins import GitHubSite, github_site

pytestmark = pytest.mark.anyio

TWICE = "return_to=/a&return_to=/b&state=a&state=b&redirect_uri=a&redirect_uri=b"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[GitHubSite]:
    async with github_site("memory", tmp_path, limits={"login_attempts_per_minute": 2}) as site:
        yield site


async def statuses(site: GitHubSite, method: str, path: str, times: int) -> list[int]:
    client = site.server.anonymous
    return [(await client.request(method, f"{path}?{TWICE}", content=b"{")).status_code for _ in range(times)]


@pytest.mark.parametrize(
    ("method", "path", "refused"),
    [
        ("GET", "/auth/login/nobody", 401),
        ("GET", "/auth/login/dev-token", 405),
        ("GET", "/auth/login/github", 400),
        ("GET", "/auth/callback/nobody", 401),
        ("GET", "/auth/callback/github", 400),
        ("POST", "/auth/login/nobody", 401),
        ("POST", "/auth/login/github", 405),
        ("POST", "/auth/login/dev-token", 400),
        ("POST", "/auth/cli/token", 400),
        ("POST", "/auth/cli/refresh", 401),
    ],
)
async def test_the_limit_comes_before_everything_else_and_the_method_before_query_and_body(
    site: GitHubSite, method: str, path: str, refused: int
) -> None:
    assert await statuses(site, method, path, 3) == [refused, refused, 429]
