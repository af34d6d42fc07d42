"""A batch in the making: events that are to be appended together, and the run after them. Nothing is written here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fabro_core.errors import Conflict
from fabro_core.runs.fold.projection import Projection, fold
from fabro_core.runs.log.entry import Entry
from fabro_core.store.records import EventRecord

MAX_EVENTS: Final = 999_999
"""How many events a run's log holds (events.md E2)."""
_ALWAYS_HAS_ROOM = "run.removing"

MAX_STATE_BYTES: Final = 4 * 1024 * 1024
"""Of an encoded projection that still grows: it is read and written with every append."""
_ENDINGS: Final = (
    "run.",
    "stage.completed",
    "stage.failed",
    "interview.completed",
    "interview.timeout",
    "interview.interrupted",
    "agent.session.deactivated",
    "agent.session.ended",
)
"""How the names of events begin that a run takes whatever it has grown to."""
_GROW: Final = ("run.session.created", "run.pair.started")
"""Those of them that it does not take."""

FULL_EVENTS: Final = 64
"""Enough that what an append costs by itself hardly counts, and few enough that folding them holds up nobody."""
FULL_BYTES: Final = 1024 * 1024


class Batch:
    """What follows on a run as it is, `before`; None: on nothing, as the run does not exist.

    `state_bytes` is what it takes encoded.
    """

    def __init__(self, before: Projection | None, *, state_bytes: int = 0) -> None:
        self.expected_seq: Final = 0 if before is None else before.seq
        self.events: Final[list[EventRecord]] = []
        self._run = before
        self._grown = state_bytes >= MAX_STATE_BYTES
        self._bytes = 0

    @property
    def run(self) -> Projection:
        """The run after what is in the batch so far."""
        if self._run is None:
            raise ValueError("a run begins with an event")
        return self._run

    @property
    def full(self) -> bool:
        """The next events are better off in a batch of their own."""
        return len(self.events) >= FULL_EVENTS or self._bytes >= FULL_BYTES

    def add(self, entries: Sequence[Entry]) -> int:
        """Take entries, all of them or none, and return the sequence number of the last.

        Raises `Conflict` when the log has no room for them, or the run's state forbids one or has grown too large.
        """
        first = self.expected_seq + len(self.events) + 1
        last = first + len(entries) - 1
        if last > MAX_EVENTS and entries[0].event.event != _ALWAYS_HAS_ROOM:
            raise Conflict("The log of the run is full.")
        if self._grown and not all(_ends(entry.event.event) for entry in entries):
            raise Conflict(
                "The stages, checkpoints, questions, sessions and pairs of the run have grown to their limit; it can"
                " only end."
            )
        run = self._run
        for seq, entry in enumerate(entries, start=first):
            run = fold(run, entry.numbered(seq))
        self._run = run
        self.events.extend(entry.record(seq) for seq, entry in enumerate(entries, start=first))
        self._bytes += sum(len(entry.encoded) for entry in entries)
        return last


def _ends(event: str) -> bool:
    return event.startswith(_ENDINGS) and event not in _GROW
