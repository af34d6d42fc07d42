"""The auth method: what GitHub says, as identities of this server."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fabro_auth_github.provider import Profile, Provider
from fabro_auth_github.settings import GitHubSettings
from fabro_core.auth.base import AuthMethod, Identity, LoginAttempt, LoginCallback, LoginOption, Redirect
from fabro_core.context import Problem


class GitHubAuth(AuthMethod):
    """Signs people in with GitHub; the allow-list is asked anew each time."""

    def __init__(self, settings: Callable[[], GitHubSettings]) -> None:
        """`settings` gives them as they are now; only the allow-list ever changes."""
        self._settings = settings
        self._issuer = settings().oauth_url
        self._provider = Provider(settings())

    def option(self) -> LoginOption:
        return LoginOption(label="GitHub", kind="redirect")

    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        return Redirect(url=await self._provider.authorization_url(attempt))

    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        """The person behind a code. Raises `GitHubFailed`."""
        return self._identity(await self._provider.profile_behind(callback))

    async def permits(self, identity: Identity, /) -> bool:
        """Whether the login is on the list. One of another GitHub, from before the settings changed, never is."""
        return identity.issuer == self._issuer and identity.login.casefold() in self._settings().allowed_usernames

    async def check_online(self) -> Sequence[Problem]:
        """Whether both addresses answer, and GitHub knows the client."""
        return await self._provider.problems()

    def _identity(self, profile: Profile) -> Identity:
        return Identity(
            issuer=self._issuer,
            subject=str(profile.id),
            login=profile.login,
            name=profile.name or profile.login,
            email=profile.email or "",
            avatar_url=profile.avatar_url or "",
            user_url=f"{self._issuer}/{profile.login}",
        )
