"""A clock for tests: time passes when the test says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Stands at `start` (aware; default 2026-03-02T10:15:30Z) until it is moved."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 10, 15, 30, tzinfo=UTC)) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, step: timedelta) -> None:
        """Let `step` pass; a negative one sets the clock back."""
        self._now += step
