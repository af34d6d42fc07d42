"""Who may connect: as many as there is room for, and from one address not more than its share (server.md S10)."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable
from typing import Final

from fabro_core.config.proxies import TrustedProxies
from fabro_core.server.outage import Outage

TOLD_SECONDS: Final = 60
"""Between two lines about clients with too many connections."""

log: Final = logging.getLogger("fabro.server")

_SUBSCRIBER: Final = 64
"""Bits of an IPv6 address that one subscriber shares; the rest is theirs to choose."""


class Peers:
    """The open connections of one listener, counted by who opened them.

    Unix and loopback peers and trusted proxies are not counted: behind them are many. `per_client` 0: nobody is.
    """

    def __init__(
        self, per_client: int, room: int, proxies: TrustedProxies, *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """`room` is how many connections there may be at all, `seconds` a clock."""
        self._per_client = per_client
        self._room = room
        self._proxies = proxies
        self._seconds = seconds
        self._open = 0
        self._counts: dict[str, int] = {}
        self._told_at = -float(TOLD_SECONDS)
        self._full = Outage(log, "connections are accepted again")

    def enter(self, client: tuple[str, int] | None) -> bool:
        """Whether somebody may have one more connection; whoever may not leaves no trace. None: a Unix peer."""
        if self._open >= self._room:
            self._full.lasts("no more connections are accepted: %d are open, and no more files can be", self._open)
            return False
        counted = self._counted(client)
        if counted is not None:
            count = self._counts.get(counted, 0)
            if count >= self._per_client:
                self._tell(counted)
                return False
            self._counts[counted] = count + 1
        self._open += 1
        return True

    def leave(self, client: tuple[str, int] | None) -> None:
        """One of their connections has been closed."""
        self._open -= 1
        if self._open < self._room * 9 // 10:
            self._full.ended()
        counted = self._counted(client)
        if counted is not None:
            left = self._counts[counted] - 1
            if left:
                self._counts[counted] = left
            else:
                del self._counts[counted]

    def _counted(self, client: tuple[str, int] | None) -> str | None:
        """What the connections of a client are counted under; None: they are not."""
        if client is None or not self._per_client:
            return None
        address = ipaddress.ip_address(client[0].partition("%")[0])
        if address.is_loopback or self._proxies.trusts(str(address)):
            return None
        if isinstance(address, ipaddress.IPv6Address):
            return str(ipaddress.IPv6Network((address, _SUBSCRIBER), strict=False))
        return str(address)

    def _tell(self, counted: str) -> None:
        now = self._seconds()
        if now - self._told_at >= TOLD_SECONDS:
            self._told_at = now
            log.warning("%s has %d connections; further ones are closed", counted, self._per_client)
