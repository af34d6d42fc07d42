"""Requests to a server as the person who is logged in there, with tokens that renew themselves (auth.md A21, A28)."""

from __future__ import annotations

from typing import Any, Final, Self, TypeVar

import httpx

from fabro_core.client.address import ServerAddress
from fabro_core.client.connection import Connection
from fabro_core.client.credentials_file import CredentialsFile
from fabro_core.client.faults import LoginRequired, Refused
from fabro_core.client.logins import Login, OAuthLogin
from fabro_core.client.oauth import RACED, refresh

T = TypeVar("T")

EXPIRED: Final = "access_token_expired"
"""The one refusal that a refresh mends (auth.md A5)."""


class AuthenticatedClient:
    """A context manager. Several processes may use one file at once: one of them refreshes, the others take over."""

    def __init__(self, address: ServerAddress, credentials: CredentialsFile) -> None:
        self._address: Final = address
        self._credentials: Final = credentials
        self._connection: Final = Connection(address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.__exit__(*exception)

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send a request; `content` is that of `httpx.Client.request`, and is sent twice when the token was renewed.

        Raises `LoginRequired` when there is no login that the server accepts, `ClientFailed` without an answer.
        Other errors are answers.
        """
        login = self._kept()
        answer = self._connection.request(method, path, bearer=login.bearer, **content)
        if answer.status_code == 401 and self._connection.refusal(answer).code == EXPIRED:
            answer = self._connection.request(method, path, bearer=self._renewed(login).bearer, **content)
        if answer.status_code == 401:
            raise LoginRequired(self._address.name)
        return answer

    def read(self, answer: httpx.Response, expected: type[T]) -> T:
        """The body of a successful answer. Raises `Refused` for any other, `ClientFailed` for what is no answer."""
        return self._connection.read(answer, expected)

    def _kept(self) -> Login:
        login = self._credentials.logins().get(self._address.name)
        if login is None:
            raise LoginRequired(self._address.name)
        return login

    def _renewed(self, used: Login) -> Login:
        """A login that is newer than the one that was used."""
        try:
            return self._refreshed(used)
        except Refused as refusal:
            if refusal.code == RACED and (kept := self._kept()) != used:
                return kept
            if refusal.status == 401:
                raise LoginRequired(self._address.name) from None
            raise

    def _refreshed(self, used: Login) -> Login:
        """Holds the file for the length of a request: a second process waits, and finds the new tokens in it."""
        name = self._address.name
        with self._credentials.changing() as logins:
            kept = logins.get(name)
            if kept is not None and kept != used:
                return kept
            if not isinstance(kept, OAuthLogin):
                raise LoginRequired(name)
            renewed = logins[name] = refresh(self._connection, kept)
            return renewed
