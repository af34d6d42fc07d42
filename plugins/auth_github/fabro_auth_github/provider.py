"""GitHub as an identity provider: the authorization code flow with PKCE (RFC 6749 §4.1, RFC 7636), and the profile.

The OAuth library is loaded with the first sign-in, in a thread: it takes longer to import than the rest of a server
takes to start.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import msgspec

from fabro_auth_github.settings import GitHubSettings

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import AsyncOAuth2Client
    from httpx2 import Response

CALL_TIMEOUT_SECONDS: Final = 10
"""For each of the two calls of a sign-in."""
SCOPE: Final = "read:user"
USER_AGENT: Final = "fabro-server"

_CREDENTIALS: Final = "client_secret_post"
"""How the client proves who it is: in the form of the token request, as GitHub documents it."""
_ERROR_CODE: Final = re.compile(r"[a-z_]{1,60}")
_NO_CODE: Final = "none"
"""Stands for a code that GitHub has never issued."""

Result = TypeVar("Result")


class GitHubFailed(Exception):
    """GitHub did not do its part. The message has nothing of what it said but its error code."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        """`code`: GitHub's own (RFC 6749 §5.2); None when it did not come to that."""
        self.code = code
        super().__init__(message)


class Profile(msgspec.Struct, frozen=True):
    """What is read of `GET /user`."""

    id: int
    login: Annotated[str, msgspec.Meta(min_length=1)]
    name: str | None = None
    email: str | None = None
    avatar_url: str | None = None


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a setting."""

    setting: str
    """The name of its field."""
    message: str
    """What is wrong, and the way out."""


class Provider:
    """One GitHub, asked on behalf of one client. Opens a connection for each sign-in and keeps nothing of it."""

    def __init__(self, settings: GitHubSettings) -> None:
        self._settings = settings
        self._authorize_url: Final = f"{settings.oauth_url}/login/oauth/authorize"
        self._token_url: Final = f"{settings.oauth_url}/login/oauth/access_token"
        self._user_url: Final = f"{settings.api_url}/user"
        self._tls: ssl.SSLContext | None = None
        """Made once: loading the certificates takes longer than a sign-in's own work."""

    async def authorization_url(self, *, redirect_uri: str, state: str, code_verifier: str) -> str:
        """Where a browser goes to sign in."""
        async with await self._client() as client:
            url, _ = client.create_authorization_url(
                self._authorize_url, redirect_uri=redirect_uri, state=state, code_verifier=code_verifier
            )
        return str(url)

    async def profile_behind(self, code: str, *, redirect_uri: str, code_verifier: str) -> Profile:
        """Whom a code was issued for. Raises `GitHubFailed`."""
        async with await self._client() as client:
            exchange = self._exchange(client, code, redirect_uri, code_verifier)
            token = await _called("the token endpoint", exchange)
            return await _called("the user endpoint", self._show_user(client, token))

    async def faults(self) -> list[Fault]:
        """What keeps people from signing in, found by asking GitHub without anybody's agreement."""
        async with await self._client() as client:
            found = await asyncio.gather(self._client_fault(client), self._api_fault(client))
        return [fault for fault in found if fault is not None]

    async def _client(self) -> AsyncOAuth2Client:
        if self._tls is None:
            self._tls = await asyncio.to_thread(_prepare)
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        client = AsyncOAuth2Client(
            self._settings.client_id,
            self._settings.client_secret.reveal(),
            scope=SCOPE,
            code_challenge_method="S256",
            token_endpoint_auth_method=_CREDENTIALS,
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
            timeout=CALL_TIMEOUT_SECONDS,
            follow_redirects=False,
            verify=self._tls,
        )
        client.register_compliance_hook("access_token_response", _successful)
        return client

    async def _exchange(self, client: AsyncOAuth2Client, code: str, redirect_uri: str, code_verifier: str) -> str:
        answer = await client.fetch_token(
            self._token_url,
            grant_type="authorization_code",
            code=code,
            redirect_uri=redirect_uri,
            code_verifier=code_verifier,
        )
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise GitHubFailed("the token endpoint gave no access token")
        return token

    async def _show_user(self, client: AsyncOAuth2Client, token: str) -> Profile:
        # Not with the library's own bearer authentication, which would depend on members of the token answer that
        # nothing else needs.
        authorization = {"Authorization": f"Bearer {token}"}
        response = await client.request("GET", self._user_url, withhold_token=True, headers=authorization)
        return msgspec.json.decode(_successful(response).content, type=Profile)

    async def _client_fault(self, client: AsyncOAuth2Client) -> Fault | None:
        """GitHub judges the client before the code, so a code that cannot exist shows whether it knows the client."""
        try:
            await _called(
                "the token endpoint",
                client.fetch_token(self._token_url, grant_type="authorization_code", code=_NO_CODE),
            )
        except GitHubFailed as error:
            match error.code:
                case "bad_verification_code":
                    return None
                case None:
                    return Fault("oauth_url", f"{error}; check the address and the network")
                case code:
                    message = f"GitHub refuses the client ({code}); check it together with GITHUB_APP_CLIENT_SECRET"
                    return Fault("client_id", message)
        return Fault("oauth_url", "this is no GitHub: it accepts a code that nobody issued")

    async def _api_fault(self, client: AsyncOAuth2Client) -> Fault | None:
        """GitHub refuses to show the user to whoever does not say who they are."""
        try:
            response = await _called("the user endpoint", client.request("GET", self._user_url, withhold_token=True))
        except GitHubFailed as error:
            return Fault("api_url", f"{error}; check the address and the network")
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            return None
        message = f"this is no API of GitHub: the user endpoint answered {response.status_code} instead of 401"
        return Fault("api_url", message)


def _prepare() -> ssl.SSLContext:
    """Load what a sign-in needs; blocks for a fraction of a second."""
    import httpx2

    return httpx2.create_ssl_context()


def _successful(response: Response) -> Response:
    """Raises what `_called` knows for every status but 2xx."""
    return response.raise_for_status()


async def _called(endpoint: str, call: Awaitable[Result]) -> Result:
    """The result of a call. Raises `GitHubFailed`, without the original error: it may repeat what GitHub said."""
    import httpx2
    from authlib.integrations.base_client import OAuthError

    try:
        async with asyncio.timeout(CALL_TIMEOUT_SECONDS):
            return await call
    except TimeoutError:
        raise GitHubFailed(f"{endpoint} did not answer within {CALL_TIMEOUT_SECONDS} s") from None
    except OAuthError as error:
        code = error.error if _ERROR_CODE.fullmatch(str(error.error)) else "unnamed"
        raise GitHubFailed(f"{endpoint} refused: {code}", code=code) from None
    except httpx2.HTTPStatusError as error:
        raise GitHubFailed(f"{endpoint} answered {error.response.status_code}") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise GitHubFailed(f"{endpoint} cannot be reached: {type(error).__name__}") from None
    except (ValueError, TypeError, msgspec.MsgspecError):
        raise GitHubFailed(f"{endpoint} answered something else than GitHub does") from None
