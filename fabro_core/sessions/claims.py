"""Who is replying in which turn, so that no turn outlives the process that replies in it (resources.md X2).

Whoever replies keeps a document for the turn and renews it; every server looks at all of them now and then. What was
not renewed between several looks is nobody's any more, and its turn is ended, once, as the run's log decides. Looks are
counted and no clocks are compared: neither a wrong clock nor a machine that slept ends a turn that goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from uuid_utils import uuid7

from fabro_core.clock import Clock
from fabro_core.documents.collection import Documents
from fabro_core.errors import NotFound, Refusal, StoreUnavailable
from fabro_core.models.events.sessions import RunSessionTurnFailed
from fabro_core.models.ids import SessionId, TurnId
from fabro_core.models.principal import PrincipalSystem
from fabro_core.runs.decide.sessions import TurnOver
from fabro_core.runs.sessions import RunSessions
from fabro_core.sessions.telling import AGENT_ERROR
from fabro_core.store.base import RunStore

RENEW_SECONDS: Final = 3
LOOK_SECONDS: Final = 5
LOOKS: Final = 4
"""How many looks in a row have to find the same before a turn is ended: 15 to 20 seconds after the last renewal."""

WATCHDOG: Final = PrincipalSystem(system_kind="watchdog")
ABANDONED: Final = "The server that replied has gone. Say it again."

log = logging.getLogger("fabro.sessions")


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody replies in a turn."""

    session_id: SessionId
    turn_id: TurnId
    renewed: int = 0
    """How often."""


class Claims:
    """The claims of the servers of one store. Every method but `look` raises `StoreUnavailable`."""

    def __init__(self, store: RunStore, clock: Clock, sessions: RunSessions) -> None:
        self._sessions = sessions
        self._claims = Documents(store, clock, "session_claims", Claim)
        self._seen: dict[str, _Seen] = {}

    async def make(self, claim: Claim) -> str:
        """Tell that somebody replies, before the turn begins; the key of the claim."""
        key = str(uuid7())
        await self._claims.put(key, claim)
        return key

    async def renew(self, key: str, claim: Claim) -> None:
        await self._claims.put(key, claim)

    async def drop(self, key: str) -> None:
        """Nobody replies any more; the turn has ended, or never begun."""
        await self._claims.delete(key)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look at the claims for the length of the context."""
        watching = asyncio.create_task(self._look_for_ever(), name="fabro session claims")
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def look(self) -> None:
        """Look at every claim, and end the turns of those that nobody has renewed for `LOOKS` looks."""
        try:
            claims = {stored.key: stored async for stored in self._claims.walk()}
            self._seen = {key: _seen_again(self._seen.get(key), stored.revision) for key, stored in claims.items()}
            kept = {_turn(stored.body) for key, stored in claims.items() if self._seen[key].looks < LOOKS}
            for key, stored in claims.items():
                if self._seen[key].looks >= LOOKS:
                    if _turn(stored.body) not in kept:  # one that was refused may have been for the same turn
                        await self._end(stored.body)
                    await self.drop(key)
        except StoreUnavailable as fault:
            log.debug("claims of sessions cannot be looked at: %s", fault)

    async def _end(self, claim: Claim) -> None:
        failed = RunSessionTurnFailed(turn_id=claim.turn_id, error=ABANDONED, code=AGENT_ERROR, retryable=True)
        try:
            found = await self._sessions.find(claim.session_id)
            await self._sessions.go_on(found.run_id, claim.session_id, failed, actor=WATCHDOG)
        except (TurnOver, NotFound):
            return
        except Refusal as refusal:
            log.warning("the turn %s of the session %s stays active: %s", claim.turn_id, claim.session_id, refusal)
            return
        log.warning("the turn %s of the session %s was ended, nobody replies any more", claim.turn_id, claim.session_id)

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except Exception:
                log.exception("claims of sessions cannot be looked at")


class _Seen(msgspec.Struct, frozen=True):
    revision: str
    looks: int
    """In a row that have found this revision."""


def _seen_again(before: _Seen | None, revision: str) -> _Seen:
    if before is None or before.revision != revision:
        return _Seen(revision, 1)
    return _Seen(revision, before.looks + 1)


def _turn(claim: Claim) -> tuple[str, str]:
    return claim.session_id, claim.turn_id
