"""Command-line logins that a browser carries along (auth.md A19): sealed into a cookie, the server remembers none."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Final

import msgspec

from fabro_core.clock import Clock
from fabro_core.documents.sealing import BadSeal, Seal, encode_base64url
from fabro_core.secret import Secret

FLOW_COOKIE: Final = "fabro_cli_flow"
FLOW_LIFETIME: Final = timedelta(minutes=10)
_FLOW_BYTES: Final = 16


class CliFlow(msgspec.Struct, frozen=True, kw_only=True):
    """A login that a command-line program has begun and a browser goes on with."""

    flow: str
    """Random, and known to this browser alone: tells one flow from another."""
    redirect_uri: str
    state: str
    code_challenge: str
    exp: int
    """Seconds since the epoch."""

    def is_the_one(self, confirmed: str) -> bool:
        """Whether what a person has confirmed is this flow: another page may have begun one meanwhile."""
        return Secret(confirmed).matches(Secret(self.flow))

    def __repr__(self) -> str:
        return f"CliFlow(redirect_uri={self.redirect_uri!r})"


class CliFlows:
    """Seals and opens the cookies of flows."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._seal = Seal(key)
        self._clock = clock

    def begin(self, *, redirect_uri: str, state: str, code_challenge: str) -> str:
        """The cookie's value for a flow that has just begun."""
        exp = int((self._clock.now() + FLOW_LIFETIME).timestamp())
        flow = CliFlow(
            flow=encode_base64url(os.urandom(_FLOW_BYTES)),
            redirect_uri=redirect_uri,
            state=state,
            code_challenge=code_challenge,
            exp=exp,
        )
        return self._seal.seal(msgspec.json.encode(flow), FLOW_COOKIE)

    def open(self, cookie: str) -> CliFlow | None:
        """The flow behind a cookie's value; None when it has expired or is none of ours."""
        try:
            flow = msgspec.json.decode(self._seal.open(cookie, FLOW_COOKIE), type=CliFlow)
        except (BadSeal, msgspec.MsgspecError):
            return None
        return flow if self._clock.now().timestamp() < flow.exp else None
