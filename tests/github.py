"""The auth method `github` at a provider for tests: its settings, as the file has them and as the method gets them."""

from __future__ import annotations

from typing import Any

from fabro_auth_github.settings import GitHubSettings
from fabro_core.secret import Secret
from fabro_core.testing import FakeIdentityProvider


def github_table(provider: FakeIdentityProvider, *usernames: str) -> dict[str, Any]:
    """The table `[server.auth.github]`."""
    return {
        "client_id": provider.client_id,
        "allowed_usernames": list(usernames),
        "oauth_url": provider.url,
        "api_url": provider.url,
    }


def github_settings(provider: FakeIdentityProvider, *usernames: str) -> GitHubSettings:
    """The settings that the method reads."""
    return GitHubSettings(
        client_id=provider.client_id,
        client_secret=Secret(provider.client_secret),
        allowed_usernames=usernames,
        oauth_url=provider.url,
        api_url=provider.url,
    )
