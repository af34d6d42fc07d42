"""The GitHub method keeps every promise of an auth method."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fabro_auth_github import GitHubAuth
from fabro_core.auth.base import AuthMethod
from fabro_core.testing import AuthConformance, Authorize, FakeIdentityProvider
from tests.github import github_settings


class TestGitHub(AuthConformance):
    @pytest.fixture
    async def provider(self, anyio_backend: str) -> AsyncIterator[FakeIdentityProvider]:
        async with FakeIdentityProvider().running() as provider:
            yield provider

    @pytest.fixture
    def method(self, provider: FakeIdentityProvider) -> AuthMethod:
        settings = github_settings(provider, "mona")
        method = GitHubAuth(lambda: settings)
        method.name = "github"
        return method

    @pytest.fixture
    def valid_token(self) -> None:
        """GitHub's own tokens are no credentials of this server."""

    @pytest.fixture
    def authorize(self, provider: FakeIdentityProvider) -> Authorize:
        return provider.agree
