"""How long the server has been serving."""

from __future__ import annotations

from fabro_core.clock import Clock, epoch_ms


class Uptime:
    """Counts from `begin()`, by a clock that may be set back meanwhile."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_ms = epoch_ms(clock.now())

    def begin(self) -> None:
        """The server serves from now on."""
        self._began_ms = epoch_ms(self._clock.now())

    def seconds(self) -> int:
        """Whole seconds, never negative."""
        return max(0, epoch_ms(self._clock.now()) - self._began_ms) // 1000
