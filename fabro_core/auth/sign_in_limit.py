"""How often somebody may try to sign in (auth.md A8): counted in the store, so that all servers count together."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

import msgspec

from fabro_core.clock import Clock
from fabro_core.documents.collection import Documents
from fabro_core.errors import Refusal
from fabro_core.store.base import RunStore

WINDOW: Final = timedelta(seconds=60)
CLOCKS_APART: Final = timedelta(seconds=5)
"""How far clocks of servers may be apart. What was counted later than this from now was counted by a clock that has
been set back since."""
_NETWORK_BITS: Final = 64
"""Of an IPv6 address: whoever has one has all others of its network as well."""


class LimitKind(StrEnum):
    """What is counted together."""

    LOGIN = "login"
    """Everything that judges a credential, by address."""
    REFRESH = "refresh"
    """Renewals of programs, by chain: one that runs wild locks out no other, nor the people at its address."""
    START = "start"
    """Redirects to an identity provider, by address: each writes a document."""


class TooManyAttempts(Refusal):
    """429: the client has to wait for `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__("Too many login attempts. Try again later.", code="rate_limited")


class _Counted(msgspec.Struct, frozen=True):
    """When the counted requests were made, oldest first."""

    times: tuple[datetime, ...]


class SignInLimit:
    """Counts requests in a sliding window. `limit` may be changed at any time."""

    def __init__(self, store: RunStore, clock: Clock, *, limit: int) -> None:
        self.limit = limit
        self._clock = clock
        self._counts = Documents(store, clock, "auth.attempts", _Counted, expires=lambda _, now: now + WINDOW)

    async def count(self, kind: LimitKind, subject: str) -> None:
        """Count a request of a subject: of an address, as `counted_address` gives it, or of a chain. Raises
        `TooManyAttempts`, and then does not count it."""
        key = f"{kind}:{hashlib.sha256(subject.encode()).hexdigest()}"

        async def decide(counted: _Counted | None) -> _Counted:
            now = self._clock.now()
            times = () if counted is None else counted.times
            recent = tuple(time for time in times if now - WINDOW < time <= now + CLOCKS_APART)
            if len(recent) >= self.limit:
                raise TooManyAttempts(_seconds_until(recent[-self.limit] + WINDOW, now))
            return _Counted((*recent, now))

        await self._counts.update(key, decide)


def counted_address(client: str) -> str:
    """What a client's address counts as: the network of an IPv6 address, an IPv4 address however it is written, and
    whatever is no address as it is."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), _NETWORK_BITS), strict=False))


def _seconds_until(instant: datetime, now: datetime) -> int:
    return max(1, math.ceil((instant - now).total_seconds()))
