"""The auth method: what GitHub says, as identities of this server."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from fabro_auth_github.provider import Profile, Provider
from fabro_auth_github.settings import GitHubSettings
from fabro_core import Problem
from fabro_core.auth import AuthMethod, Identity, LoginAttempt, LoginCallback, LoginOption, Redirect

MAX_TEXT_BYTES: Final = 255

_PICTURE: Final = re.compile(r"https?://[\w.~:/?#\[\]@!$&'()*+,;=%-]{1,1000}", re.ASCII)


class GitHubAuth(AuthMethod):
    """Signs people in with GitHub; the allow-lists are asked anew each time."""

    def __init__(self, settings: Callable[[], GitHubSettings]) -> None:
        """`settings` gives them as they are now; only the allow-lists ever change."""
        self._settings = settings
        self._issuer = settings().oauth_url
        self._provider = Provider(settings())

    def option(self) -> LoginOption:
        return LoginOption(label="GitHub", kind="redirect")

    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        url = await self._provider.authorization_url(
            redirect_uri=attempt.callback_url,
            state=attempt.state.reveal(),
            code_verifier=attempt.code_verifier.reveal(),
        )
        return Redirect(url=url)

    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        """The person behind a code. Raises `GitHubFailed`."""
        profile = await self._provider.profile_behind(
            callback.code.reveal(),
            redirect_uri=callback.callback_url,
            code_verifier=callback.code_verifier.reveal(),
        )
        return self._identity(profile)

    async def permits(self, identity: Identity, /) -> bool:
        """Whether account or login is on a list. One of another GitHub, from before the settings changed, never is."""
        if identity.issuer != self._issuer:
            return False
        settings = self._settings()
        return identity.login.casefold() in settings.allowed_usernames or identity.subject in map(
            str, settings.allowed_user_ids
        )

    async def check_online(self) -> Sequence[Problem]:
        """Whether both addresses answer, and GitHub knows the client."""
        table = f"server.auth.{self.name}"
        faults = await self._provider.faults()
        return [Problem(path=f"{table}.{fault.setting}", message=fault.message) for fault in faults]

    def _identity(self, profile: Profile) -> Identity:
        return Identity(
            issuer=self._issuer,
            subject=str(profile.id),
            login=profile.login,
            name=_shown(profile.name or "") or profile.login,
            email=_shown(profile.email or ""),
            avatar_url=_picture(profile.avatar_url or ""),
            user_url=f"{self._issuer}/{profile.login}",
        )


def _shown(text: str) -> str:
    """What people say about themselves, as far as an `Identity` may hold it."""
    return "".join(filter(str.isprintable, text)).encode()[:MAX_TEXT_BYTES].decode(errors="ignore")


def _picture(url: str) -> str:
    """Where a picture is, if a page can show it from there."""
    return url if _PICTURE.fullmatch(url) else ""
