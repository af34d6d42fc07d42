"""`fabro check --online` asks the identity provider; nothing else does before somebody signs in (server.md S25)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fabro_core.testing import FakeIdentityProvider
from tests.cli.terminal import Home

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
async def provider(anyio_backend: str) -> AsyncIterator[FakeIdentityProvider]:
    async with FakeIdentityProvider().running() as provider:
        yield provider


@pytest.fixture
def signing_in(ready: Home, provider: FakeIdentityProvider) -> Home:
    """A home whose settings name the provider."""
    (ready.path / "settings.toml").write_text(
        '[server.auth]\nmethods = ["github"]\n[server.store]\nkind = "memory"\n'
        f'[server.auth.github]\nclient_id = "{provider.client_id}"\nallowed_usernames = ["mona"]\n'
        f'oauth_url = "{provider.url}"\napi_url = "{provider.url}"\n'
    )
    ready.environ["GITHUB_APP_CLIENT_SECRET"] = provider.client_secret
    return ready


async def test_a_provider_that_knows_the_server_passes(signing_in: Home, provider: FakeIdentityProvider) -> None:
    done = await asyncio.to_thread(signing_in.run, "check", "--online")
    assert (done.returncode, done.stdout) == (0, "ok\n")
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["store memory"], "no warning"
    assert sorted(provider.requests) == ["GET /user", "POST /login/oauth/access_token"]


async def test_without_the_option_nobody_is_asked(signing_in: Home, provider: FakeIdentityProvider) -> None:
    done = await asyncio.to_thread(signing_in.run, "check", GITHUB_APP_CLIENT_SECRET="wrong")
    assert (done.returncode, done.stdout) == (0, "ok\n")
    assert provider.requests == []


async def test_a_wrong_client_secret_is_a_problem_of_the_report(signing_in: Home) -> None:
    done = await asyncio.to_thread(signing_in.run, "check", "--online", GITHUB_APP_CLIENT_SECRET="hunter2")
    assert (done.returncode, done.stdout) == (78, "")
    assert "server.auth.github.client_id: GitHub refuses the client" in done.stderr
    assert "hunter2" not in done.stderr


async def test_a_provider_that_is_out_of_order_is_a_problem_of_the_report(
    signing_in: Home, provider: FakeIdentityProvider
) -> None:
    provider.mood = "failing"
    done = await asyncio.to_thread(signing_in.run, "check", "--online")
    assert done.returncode == 78
    assert "server.auth.github.oauth_url: the token endpoint answered 500" in done.stderr
    assert "server.auth.github.api_url: this is no API of GitHub: the user endpoint answered 500" in done.stderr
