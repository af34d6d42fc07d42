"""The requests of a command-line login (auth.md A19 to A22): its begin in the browser, its tokens, its end."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from typing import Final
from urllib.parse import urlencode

import msgspec

from fabro_core.client.address import ServerAddress
from fabro_core.client.connection import Connection
from fabro_core.client.logins import AwareDatetime, OAuthLogin
from fabro_core.secret import Secret

RACED: Final = "refresh_token_raced"
"""Another use of the same refresh token was faster."""


class _Subject(msgspec.Struct, frozen=True, kw_only=True):
    login: str


class _Tokens(msgspec.Struct, frozen=True, kw_only=True):
    access_token: Secret
    access_token_expires_at: AwareDatetime
    refresh_token: Secret
    refresh_token_expires_at: AwareDatetime
    subject: _Subject

    def as_login(self) -> OAuthLogin:
        return OAuthLogin(
            login=self.subject.login,
            access_token=self.access_token,
            access_token_expires_at=self.access_token_expires_at,
            refresh_token=self.refresh_token,
            refresh_token_expires_at=self.refresh_token_expires_at,
        )


def authorization_url(address: ServerAddress, *, redirect_uri: str, state: Secret, verifier: Secret) -> str:
    """Where the browser is sent. The verifier stays here; the URL has its hash (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.reveal().encode()).digest()
    parameters = {
        "redirect_uri": redirect_uri,
        "state": state.reveal(),
        "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"),
        "code_challenge_method": "S256",
    }
    return f"{address.base_url}/auth/cli/start?{urlencode(parameters)}"


def exchange(connection: Connection, *, code: Secret, verifier: Secret, redirect_uri: str) -> OAuthLogin:
    """The login that a code stands for. Raises `ClientFailed`."""
    body = {
        "grant_type": "authorization_code",
        "code": code.reveal(),
        "code_verifier": verifier.reveal(),
        "redirect_uri": redirect_uri,
    }
    return connection.read(connection.request("POST", "/auth/cli/token", json=body), _Tokens).as_login()


def refresh(connection: Connection, login: OAuthLogin) -> OAuthLogin:
    """The same login with its next tokens; the old ones are void. Raises `ClientFailed`."""
    answer = connection.request("POST", "/auth/cli/refresh", bearer=login.refresh_token)
    return connection.read(answer, _Tokens).as_login()


def end(connection: Connection, login: OAuthLogin) -> None:
    """End the login at the server. Raises `ClientFailed`."""
    answer = connection.request("POST", "/auth/cli/logout", bearer=login.refresh_token)
    if not answer.is_success:
        raise connection.refusal(answer)
