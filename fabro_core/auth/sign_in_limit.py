"""How often a client may try to sign in (auth.md A8): counted in the store, so that all servers count together."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from fabro_core.clock import Clock
from fabro_core.documents.collection import Documents
from fabro_core.errors import Refusal
from fabro_core.store.base import RunStore

WINDOW: Final = timedelta(seconds=60)


class LimitKind(StrEnum):
    """What is counted together."""

    LOGIN = "login"
    """Everything that judges a credential."""
    START = "start"
    """Redirects to an identity provider: each writes a document."""


class TooManyAttempts(Refusal):
    """429: the client has to wait for `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__("Too many login attempts. Try again later.", code="rate_limited")


class _Counted(msgspec.Struct, frozen=True):
    """When the counted requests were made, oldest first."""

    times: tuple[datetime, ...]


class SignInLimit:
    """Counts requests of a client in a sliding window. `limit` may be changed at any time."""

    def __init__(self, store: RunStore, clock: Clock, *, limit: int) -> None:
        self.limit = limit
        self._clock = clock
        self._counts = Documents(store, clock, "auth.attempts", _Counted, expires=lambda _, now: now + WINDOW)

    async def count(self, kind: LimitKind, client: str) -> None:
        """Count a request of a client, by its address. Raises `TooManyAttempts`, and then does not count it."""
        key = f"{kind}:{hashlib.sha256(client.encode()).hexdigest()}"

        async def decide(counted: _Counted | None) -> _Counted:
            now = self._clock.now()
            recent = () if counted is None else tuple(time for time in counted.times if time + WINDOW > now)
            if len(recent) >= self.limit:
                raise TooManyAttempts(_seconds_until(recent[-self.limit] + WINDOW, now))
            return _Counted((*recent, now))

        await self._counts.update(key, decide)


def _seconds_until(instant: datetime, now: datetime) -> int:
    return max(1, math.ceil((instant - now).total_seconds()))
