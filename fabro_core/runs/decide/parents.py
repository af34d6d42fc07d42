"""Links between runs and their parents (runs.md R10): no cycle, whatever is linked at the same time elsewhere.

Link edits of all servers that share a store go through one document that lists the links being made right now. An
edit is judged against the stored links *and* those intents, and enters its own intent by compare-and-set; who loses
the race judges again. An intent is withdrawn once its link is in the log; one left behind by a crash counts until
it expires, which can refuse a link for a moment but never lets a cycle through. An edit that is held up gives up
well before its own intent expires.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import msgspec

from fabro_core.clock import Clock, epoch_ms
from fabro_core.documents.collection import Documents
from fabro_core.errors import Conflict, Contended, InvalidRequest
from fabro_core.models.events import Properties
from fabro_core.models.ids import RunId
from fabro_core.models.principal import Principal
from fabro_core.runs.decide.lifecycle import link_parent, unlink_parent
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.log.log import RunLog
from fabro_core.store.base import RunStore
from fabro_core.store.records import StoredRun

_KEY = "in-flight"
_INTENT_LIFETIME = timedelta(minutes=1)
_INTENT_LIFETIME_MS = _INTENT_LIFETIME // timedelta(milliseconds=1)
_LAST_WRITE_BEFORE_EXPIRY_MS = _INTENT_LIFETIME_MS // 2
"""What may still pass from the decision to write a link until it is written."""


class _Intent(msgspec.Struct, frozen=True):
    id: str
    """Tells two edits apart that make the same link: each withdraws its own intent alone."""
    child: str
    parent: str
    expires_ms: int


class _InFlight(msgspec.Struct, frozen=True):
    intents: tuple[_Intent, ...] = ()


class ParentLinks:
    """Makes and removes links to parents."""

    def __init__(self, store: RunStore, log: RunLog, clock: Clock) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._in_flight = Documents(
            store, clock, "runs.parent-links", _InFlight, expires=lambda _, now: now + _INTENT_LIFETIME
        )

    async def link(self, child: RunId, parent: RunId, *, actor: Principal) -> StoredRun:
        """Make `parent` the parent of `child`.

        Raises `NotFound` for either, `InvalidRequest` for a run as its own parent or ancestor, `Contended` when
        too many links are being made at once, `Conflict` when this one takes too long.
        """
        current = await self._log.get(child)
        if child == parent:
            raise InvalidRequest("A run cannot be its own parent.")
        await self._log.get(parent)
        if _parent_of(current) == parent:
            return current
        intent = await self._enter_intent(child, parent)
        make_link = link_parent(parent)

        def decide(run: Projection) -> Sequence[Properties]:
            if self._now_ms() > intent.expires_ms - _LAST_WRITE_BEFORE_EXPIRY_MS:
                raise Conflict("Making the parent link took too long. Try again.")
            return make_link(run)

        try:
            return (await self._log.change(child, decide, actor=actor)).hit
        finally:
            await self._withdraw_intent(intent)

    async def unlink(self, child: RunId, *, actor: Principal) -> StoredRun:
        """Leave the parent; a run without one is returned as it is. Raises `NotFound`."""
        return (await self._log.change(child, unlink_parent, actor=actor)).hit

    async def _enter_intent(self, child: RunId, parent: RunId) -> _Intent:
        async def enter(in_flight: _InFlight | None) -> _InFlight:
            others = self._live(in_flight)
            await self._refuse_cycle(child, parent, others)
            expires_ms = self._now_ms() + _INTENT_LIFETIME_MS
            return _InFlight((*others, _Intent(str(uuid4()), child, parent, expires_ms)))

        return (await self._in_flight.update(_KEY, enter)).intents[-1]

    async def _withdraw_intent(self, intent: _Intent) -> None:
        """Leaves the intent to its expiry when others keep writing: late is safe, lost is not."""

        async def withdraw(in_flight: _InFlight | None) -> _InFlight:
            return _InFlight(tuple(each for each in self._live(in_flight) if each.id != intent.id))

        with suppress(Contended):
            await self._in_flight.update(_KEY, withdraw)

    async def _refuse_cycle(self, child: RunId, parent: RunId, intents: Sequence[_Intent]) -> None:
        """Walk up from the new parent along stored links and intents; meeting the child is a cycle."""
        seen: set[str] = set()
        ahead = [str(parent)]
        while ahead:
            run_id = ahead.pop()
            if run_id == child or run_id in seen:
                raise InvalidRequest("The link would make a run its own ancestor.")
            seen.add(run_id)
            stored = await self._store.get_run(run_id)
            ahead += {intent.parent for intent in intents if intent.child == run_id} - seen
            if stored is not None and (up := _parent_of(stored)) is not None and up not in ahead:
                ahead.append(up)

    def _live(self, in_flight: _InFlight | None) -> tuple[_Intent, ...]:
        now_ms = self._now_ms()
        return () if in_flight is None else tuple(each for each in in_flight.intents if each.expires_ms > now_ms)

    def _now_ms(self) -> int:
        return epoch_ms(self._clock.now())


def _parent_of(hit: StoredRun) -> str | None:
    return msgspec.json.decode(hit.state, type=Projection).parent_id
