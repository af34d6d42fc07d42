"""Who made a request, as far as its credentials prove it."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from fabro_core.auth.base import Identity
from fabro_core.models.principal import IdpIdentity, PrincipalUser, PrincipalWorker

AuthStatus = Literal["missing", "invalid", "expired", "authenticated", "denied"]


class SessionRef(msgspec.Struct, frozen=True):
    """A sign-in that lasts: a browser session, or the chain of tokens of a command-line login (auth.md A1)."""

    kind: Literal["browser", "cli"]
    id: str
    """UUIDv4."""

    def __str__(self) -> str:
        """As `GET /api/v1/auth/sessions` names it (auth.md A18)."""
        return f"{self.kind}:{self.id}"


class User(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated person."""

    identity: Identity
    method: str
    """The auth method's settings name, such as `dev-token`."""
    session: SessionRef | None = None
    """What authenticated the request; None: a bearer token of an auth method."""

    @property
    def principal(self) -> PrincipalUser:
        """How the log names them (runs.md R4): the same whichever transport carried the credential."""
        return PrincipalUser(
            identity=IdpIdentity(self.identity.issuer, self.identity.subject),
            login=self.identity.login,
            auth_method=self.method.replace("-", "_"),
            avatar_url=self.identity.avatar_url or None,
        )


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A program that executes one run, and holds a token for it (events.md E18)."""

    run_id: str
    manages_runs: bool = False
    """May also create, find and steer other runs (runs.md R2, guards M and T)."""

    @property
    def principal(self) -> PrincipalWorker:
        """How the log names it."""
        return PrincipalWorker(run_id=self.run_id)


Caller = User | Worker


def owner_of(identity: Identity) -> str:
    """The owner of a person's documents: the same for whatever is the same user (auth.md A1)."""
    return hashlib.sha256(msgspec.json.encode((identity.issuer, identity.subject))).hexdigest()
