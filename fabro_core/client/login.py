"""Logging in to a server: with a person's browser (RFC 8252), or with a dev token."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import msgspec

from fabro_core.client.address import ServerAddress
from fabro_core.client.callback import listening
from fabro_core.client.connection import Connection
from fabro_core.client.faults import ClientFailed
from fabro_core.client.logins import DevTokenLogin, Login, OAuthLogin
from fabro_core.client.oauth import authorization_url, end, exchange
from fabro_core.secret import Secret
from fabro_core.unseen import escaped


class _Option(msgspec.Struct, frozen=True, kw_only=True):
    kind: str


class _AuthConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says about how people sign in (auth.md A16)."""

    options: list[_Option]


class _CurrentUser(msgspec.Struct, frozen=True, kw_only=True):
    login: str


def log_in_with_browser(address: ServerAddress, show: Callable[[str], object], *, timeout_seconds: float) -> OAuthLogin:
    """Have a person confirm the login (auth.md A19). `show` is given the URL that their browser has to go to.

    Raises `ClientFailed`: also at once when the server has nothing that people sign in with in this way.
    """
    verifier, state = Secret(secrets.token_urlsafe(32)), Secret(secrets.token_hex(32))
    with Connection(address) as connection:
        config = connection.read(connection.request("GET", "/api/v1/auth/config"), _AuthConfig)
        if not any(option.kind == "redirect" for option in config.options):
            raise ClientFailed(f"{address.name} has no login with the browser; use --dev-token")
        with listening(state) as listener:
            show(authorization_url(address, redirect_uri=listener.redirect_uri, state=state, verifier=verifier))
            code = listener.wait(timeout_seconds)
        return exchange(connection, code=code, verifier=verifier, redirect_uri=listener.redirect_uri)


def log_in_with_dev_token(address: ServerAddress, token: Secret) -> DevTokenLogin:
    """Have the server say whose token it is. Raises `ClientFailed` when it does not accept it."""
    with Connection(address) as connection:
        user = connection.read(connection.request("GET", "/api/v1/user", bearer=token), _CurrentUser)
    return DevTokenLogin(login=user.login, token=token)


def log_out(server: str, login: Login) -> None:
    """Tell the server that a login which was filed under `server` is over. Raises `ClientFailed`.

    A dev token is good for whoever has it, so there is nothing to end.
    """
    if not isinstance(login, OAuthLogin):
        return
    try:
        address = ServerAddress.parse(server)
    except ValueError as error:
        raise ClientFailed(f"{escaped(server)} is no server: {error}") from None
    with Connection(address) as connection:
        end(connection, login)
