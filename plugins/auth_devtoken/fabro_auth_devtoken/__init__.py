"""Authentication with one shared developer token, as a bearer token and in a form (auth.md A9).

The token is `fabro_dev_` and 64 hex digits. It comes from `FABRO_DEV_TOKEN`, in the environment or in `server.env`;
`fabro init` makes one. Whoever holds it is the user `dev`.
"""

from __future__ import annotations

import re
import secrets
from typing import Annotated

import msgspec

from fabro_core import PluginContext, hookimpl
from fabro_core.auth import AuthMethod, Bearer, CredentialsRejected, Identity, LoginField, LoginForm, LoginOption
from fabro_core.settings import Secret, from_env

__all__ = ["DevTokenAuth", "DevTokenSettings", "fabro_auth_method", "fabro_settings", "new_token"]

FABRO_PLUGIN_API = 1

PREFIX = "fabro_dev_"
DIGITS = 64
_WELL_FORMED = re.compile(rf"{PREFIX}[0-9a-fA-F]{{{DIGITS}}}")

OPTION = LoginOption(label="Dev token", kind="form", fields=(LoginField(name="token", label="Dev token", secret=True),))
DEVELOPER = Identity(issuer="fabro:dev", subject="dev", login="dev", name="Dev Token", email="dev@fabro.local")


def new_token() -> str:
    """A fresh token from 32 random bytes."""
    return PREFIX + secrets.token_hex(DIGITS // 2)


class DevTokenSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """There are no keys for the file: the token is a secret."""

    token: Annotated[
        Secret,
        from_env(
            "FABRO_DEV_TOKEN",
            expected=f'"{PREFIX}" and {DIGITS} hex digits',
            valid=_WELL_FORMED.fullmatch,
            generate=new_token,
        ),
    ]


class DevTokenAuth(AuthMethod):
    """Accepts exactly one token. The comparison is exact and in constant time."""

    token_prefixes = (PREFIX,)

    def __init__(self, token: Secret) -> None:
        self._token = token

    async def authenticate(self, credential: Bearer, /) -> Identity:
        """The developer. Raises `CredentialsRejected` for every other token."""
        if not credential.token.matches(self._token):
            raise CredentialsRejected
        return DEVELOPER

    def option(self) -> LoginOption:
        """A form with one field."""
        return OPTION

    async def sign_in(self, form: LoginForm, /) -> Identity:
        """The developer. Raises `CredentialsRejected` for every other token."""
        return await self.authenticate(Bearer(token=form.fields["token"]))

    def credential_of(self, identity: Identity, /) -> Secret:
        """The token: a new one ends the sessions that were opened with the old one."""
        return self._token


@hookimpl
def fabro_settings() -> type[DevTokenSettings]:
    return DevTokenSettings


@hookimpl
def fabro_auth_method(ctx: PluginContext) -> AuthMethod:
    return DevTokenAuth(ctx.settings.token)
