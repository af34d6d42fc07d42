"""The GitHub method keeps every promise of an auth method."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fabro_auth_github import GitHubAuth, GitHubSettings
from fabro_core.auth.base import AuthMethod
from fabro_core.secret import Secret
from fabro_core.testing import AuthConformance, Authorize, FakeIdentityProvider


class TestGitHub(AuthConformance):
    @pytest.fixture
    async def provider(self, anyio_backend: str) -> AsyncIterator[FakeIdentityProvider]:
        async with FakeIdentityProvider().running() as provider:
            yield provider

    @pytest.fixture
    def method(self, provider: FakeIdentityProvider) -> AuthMethod:
        settings = GitHubSettings(
            client_id=provider.client_id,
            client_secret=Secret(provider.client_secret),
            allowed_usernames=("mona",),
            oauth_url=provider.url,
            api_url=provider.url,
        )
        method = GitHubAuth(lambda: settings)
        method.name = "github"
        return method

    @pytest.fixture
    def valid_token(self) -> None:
        """GitHub's own tokens are no credentials of this server."""

    @pytest.fixture
    def authorize(self, provider: FakeIdentityProvider) -> Authorize:
        return provider.agree
