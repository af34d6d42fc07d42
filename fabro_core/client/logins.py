"""What is kept about a login on the command line, and how good it still is. No I/O."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from fabro_core.secret import Secret

AwareDatetime = Annotated[datetime, msgspec.Meta(tz=True)]


class LoginState(StrEnum):
    """How good a login is, as far as can be told without asking the server (auth.md A28)."""

    ACTIVE = "active"
    EXPIRED_REFRESHABLE = "expired_refreshable"
    """The next request exchanges the refresh token."""
    EXPIRED = "expired"


class OAuthLogin(msgspec.Struct, frozen=True, kw_only=True, tag="oauth", tag_field="kind"):
    """A login that a person has confirmed in the browser (auth.md A20)."""

    login: str
    access_token: Secret
    access_token_expires_at: AwareDatetime
    refresh_token: Secret
    refresh_token_expires_at: AwareDatetime

    @property
    def bearer(self) -> Secret:
        """What requests carry."""
        return self.access_token

    def state(self, now: datetime) -> LoginState:
        """At `now`, which is aware."""
        if now < self.access_token_expires_at:
            return LoginState.ACTIVE
        return LoginState.EXPIRED_REFRESHABLE if now < self.refresh_token_expires_at else LoginState.EXPIRED


class DevTokenLogin(msgspec.Struct, frozen=True, kw_only=True, tag="dev-token", tag_field="kind"):
    """A dev token, which is good until it is replaced (auth.md A9)."""

    login: str
    token: Secret

    @property
    def bearer(self) -> Secret:
        """What requests carry."""
        return self.token

    def state(self, now: datetime) -> LoginState:
        """Only the server knows when it has been replaced."""
        return LoginState.ACTIVE


Login = OAuthLogin | DevTokenLogin


def decode_secret(expected: type, value: Any) -> Any:
    """The hook with which msgspec reads Structs that hold secrets."""
    if expected is not Secret:
        raise NotImplementedError
    if not isinstance(value, str):
        raise ValueError("expected a string")
    return Secret(value)


def encode_secret(value: Any) -> Any:
    """The hook with which msgspec writes the one file that secrets belong into."""
    if not isinstance(value, Secret):
        raise NotImplementedError
    return value.reveal()
