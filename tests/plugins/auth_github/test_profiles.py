"""What people say about themselves at GitHub, as far as it can be shown here."""

from __future__ import annotations

import pytest

from fabro_auth_github import GitHubAuth
from fabro_core.auth.base import LoginAttempt, LoginCallback
from fabro_core.auth.identities import identity_fault
from fabro_core.secret import Secret
from fabro_core.testing import FakeIdentityProvider
from tests.github import github_settings

CALLBACK = "https://fabro.example/auth/callback/github"


@pytest.mark.anyio
async def test_what_nobody_can_show_is_left_out() -> None:
    async with FakeIdentityProvider().running() as provider:
        provider.user |= {"name": "Mo\nna \u202e" + "ü" * 200, "email": "\x1b@example.org", "avatar_url": "data:,x"}
        settings = github_settings(provider, "mona")
        method = GitHubAuth(lambda: settings)
        attempt = LoginAttempt(callback_url=CALLBACK, state=Secret.random(), code_verifier=Secret.random())
        back = await provider.agree((await method.start_login(attempt)).url)
        identity = await method.finish_login(
            LoginCallback(
                callback_url=CALLBACK, code=Secret(back["code"]), code_verifier=attempt.code_verifier, kept=None
            )
        )
    assert identity_fault(identity) is None
    assert identity.name.startswith("Mona üüü")
    assert (identity.email, identity.avatar_url) == ("@example.org", "")
