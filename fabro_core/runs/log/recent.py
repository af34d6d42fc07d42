"""Runs that this process has been writing to lately, so that it does not read back what it wrote."""

from __future__ import annotations

from typing import Final, NamedTuple

from fabro_core.runs.fold.projection import Projection

MAX_BYTES: Final = 4 * 1024 * 1024
"""Of encoded projections; as objects they take several times as much."""
_ENTRY_BYTES: Final = 200
"""What an entry takes besides."""


class _Recent(NamedTuple):
    seq: int
    run: Projection | None
    size: int


class Remembered(NamedTuple):
    """A run, and what it takes encoded, in bytes."""

    run: Projection
    size: int


class RecentRuns:
    """The newest projection of each run that nobody else has been writing to.

    What is remembered may be out of date, as another process may have written since. An append that is decided on it is
    safe, because the store compares the sequence number; nothing else is. A run is remembered from the second batch in
    a row on: where a run's writers go through several servers, each would remember what is no longer so.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._runs: dict[str, _Recent] = {}
        """The one that was written to last comes last."""

    def get(self, run_id: str) -> Remembered | None:
        """The run as this process wrote it last; None when it may not be relied on."""
        recent = self._runs.get(run_id)
        if recent is None or recent.run is None:
            return None
        return Remembered(recent.run, recent.size - _ENTRY_BYTES)

    def wrote(self, run: Projection, size: int, *, on_top_of: int) -> None:
        """Remember a run that was written on top of so many events; `size` is its encoding's, in bytes."""
        before = self._runs.get(run.id)
        self.forget(run.id)
        alone = before is not None and before.seq == on_top_of
        recent = _Recent(run.seq, run if alone else None, _ENTRY_BYTES + (size if alone else 0))
        self._runs[run.id] = recent
        self._bytes += recent.size
        while self._bytes > self._max_bytes:
            self.forget(next(iter(self._runs)))

    def forget(self, run_id: str) -> None:
        """Forget a run; one that is not known is no fault."""
        recent = self._runs.pop(run_id, None)
        if recent is not None:
            self._bytes -= recent.size
