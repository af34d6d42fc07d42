"""Time as a collaborator: whoever needs the time is handed a `Clock`, so a test can move it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time. Used for every instant that is stored or shown (runs.md R1.6)."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def epoch_ms(instant: datetime) -> int:
    """Whole milliseconds since the epoch, rounded down, without a detour over floats. `instant` is aware."""
    return (instant - _EPOCH) // _MILLISECOND


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
