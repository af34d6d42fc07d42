"""Tokens with which a worker acts on its run (events.md E18): issued by the server, kept nowhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec
from uuid_utils import uuid4

from fabro_core.auth.caller import Worker
from fabro_core.auth.refusals import Unauthenticated
from fabro_core.auth.signed_tokens import BadToken, TokenSigner
from fabro_core.clock import Clock
from fabro_core.models.ids import parse_run_id

KEY_ID: Final = "fabro-worker"
ISSUER: Final = "fabro-server-worker"
LIFETIME: Final = timedelta(hours=72)
LEEWAY: Final = timedelta(seconds=5)
"""How far clocks of servers may be apart."""

ACT_ON_OWN_RUN: Final = "run:worker"
MANAGE_RUNS: Final = "agent:run_tools"


class WorkerClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker token says; times in seconds since the epoch (RFC 7519 §4.1)."""

    iss: str
    iat: int
    exp: int
    run_id: str
    scope: str
    """Words separated by single spaces (RFC 6749 §3.3)."""
    jti: str


class WorkerToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was just issued. Its text is a secret."""

    text: str
    scope: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"WorkerToken(scope={self.scope!r}, expires_at={self.expires_at!r})"


class WorkerTokens:
    """Issues and judges worker tokens; two servers with one key accept each other's."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._signer = TokenSigner(key, kid=KEY_ID)
        self._clock = clock

    def issue(self, worker: Worker) -> WorkerToken:
        """A token for a worker, good for 72 hours."""
        now = self._clock.now().replace(microsecond=0)
        expires_at = now + LIFETIME
        scope = f"{ACT_ON_OWN_RUN} {MANAGE_RUNS}" if worker.manages_runs else ACT_ON_OWN_RUN
        claims = WorkerClaims(
            iss=ISSUER,
            iat=int(now.timestamp()),
            exp=int(expires_at.timestamp()),
            run_id=worker.run_id,
            scope=scope,
            jti=str(uuid4()),
        )
        return WorkerToken(text=self._signer.sign(claims), scope=scope, expires_at=expires_at)

    def worker_of(self, token: str) -> Worker:
        """The worker that holds a token. Raises `Unauthenticated`."""
        try:
            claims: WorkerClaims = self._signer.verify(token, WorkerClaims)
        except BadToken as error:
            raise Unauthenticated("access_token_invalid", token_was_given=True) from error
        scope = set(claims.scope.split(" "))
        well_formed = (
            claims.iss == ISSUER
            and parse_run_id(claims.run_id) == claims.run_id
            and ACT_ON_OWN_RUN in scope
            and scope <= {ACT_ON_OWN_RUN, MANAGE_RUNS}
        )
        if not well_formed:
            raise Unauthenticated("access_token_invalid", token_was_given=True)
        if self._clock.now().timestamp() >= claims.exp + LEEWAY.total_seconds():
            raise Unauthenticated("access_token_expired", token_was_given=True)
        return Worker(run_id=claims.run_id, manages_runs=MANAGE_RUNS in scope)
