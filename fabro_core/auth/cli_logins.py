"""What the command-line logins of one server share (auth.md A19 to A23), and the flow that a browser carries along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from fabro_core.auth.access_tokens import AccessTokens
from fabro_core.auth.base import AuthMethod, LoginOption
from fabro_core.auth.chains import Chains
from fabro_core.auth.codes import Codes
from fabro_core.auth.keys import Purpose, derive_key
from fabro_core.clock import Clock
from fabro_core.documents.sealing import BadSeal, Seal
from fabro_core.secret import Secret
from fabro_core.store.base import RunStore

FLOW_COOKIE: Final = "fabro_cli_flow"
FLOW_LIFETIME: Final = timedelta(minutes=10)


class CliFlow(msgspec.Struct, frozen=True, kw_only=True):
    """A login that a command-line program has begun and a browser goes on with."""

    redirect_uri: str
    state: str
    code_challenge: str
    exp: int
    """Seconds since the epoch."""

    def __repr__(self) -> str:
        return f"CliFlow(redirect_uri={self.redirect_uri!r})"


class CliFlows:
    """Flows, sealed into a cookie: the server remembers none of them."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._seal = Seal(key)
        self._clock = clock

    def begin(self, *, redirect_uri: str, state: str, code_challenge: str) -> str:
        """The cookie's value for a flow that has just begun."""
        exp = int((self._clock.now() + FLOW_LIFETIME).timestamp())
        flow = CliFlow(redirect_uri=redirect_uri, state=state, code_challenge=code_challenge, exp=exp)
        return self._seal.seal(msgspec.json.encode(flow), FLOW_COOKIE)

    def open(self, cookie: str) -> CliFlow | None:
        """The flow behind a cookie's value; None when it has expired or is none of ours."""
        try:
            flow = msgspec.json.decode(self._seal.open(cookie, FLOW_COOKIE), type=CliFlow)
        except (BadSeal, msgspec.MsgspecError):
            return None
        return flow if self._clock.now().timestamp() < flow.exp else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CliLogins:
    """Everything that the routes of command-line logins need."""

    method: AuthMethod | None
    """The one that people sign in with; None: there are no command-line logins."""
    flows: CliFlows
    codes: Codes
    chains: Chains
    access_tokens: AccessTokens


def cli_logins(
    store: RunStore,
    clock: Clock,
    session_secret: Secret,
    *,
    issuer: str,
    methods: Sequence[AuthMethod],
    options: Mapping[str, LoginOption],
) -> CliLogins:
    """The command-line logins of a server whose public URL is `issuer`.

    People sign in with the first of `methods` whose option is a redirect (auth.md A19).
    """
    redirecting = (method for method in methods if method.name in options and options[method.name].kind == "redirect")
    chains = Chains(store, clock)
    return CliLogins(
        method=next(redirecting, None),
        flows=CliFlows(derive_key(session_secret, Purpose.COOKIES), clock),
        codes=Codes(store, clock),
        chains=chains,
        access_tokens=AccessTokens(
            derive_key(session_secret, Purpose.ACCESS_TOKENS), clock, issuer=issuer, chains=chains
        ),
    )
