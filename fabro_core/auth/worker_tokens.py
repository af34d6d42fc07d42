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
from fabro_core.secret import Secret

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
    """A token that was just issued."""

    text: Secret
    scope: str
    expires_at: datetime


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
        return WorkerToken(text=Secret(self._signer.sign(claims)), scope=scope, expires_at=expires_at)

    def worker_of(self, token: str) -> Worker:
        """The worker that holds a token. Raises `Unauthenticated`."""
        try:
            claims: WorkerClaims = self._signer.verify(token, WorkerClaims)
        except BadToken as error:
            raise Unauthenticated("access_token_invalid", token_was_given=True) from error
        scope = _scope_words(claims.scope)
        if claims.iss != ISSUER or parse_run_id(claims.run_id) != claims.run_id or ACT_ON_OWN_RUN not in scope:
            raise Unauthenticated("access_token_invalid", token_was_given=True)
        if (self._clock.now() - LEEWAY).timestamp() >= claims.exp:
            raise Unauthenticated("access_token_expired", token_was_given=True)
        return Worker(run_id=claims.run_id, manages_runs=MANAGE_RUNS in scope)


def _scope_words(scope: str) -> frozenset[str]:
    """The words of a scope; none at all when one is unknown, empty or there twice."""
    words = scope.split(" ")
    known = frozenset(words) & {ACT_ON_OWN_RUN, MANAGE_RUNS}
    return known if len(known) == len(words) else frozenset()
