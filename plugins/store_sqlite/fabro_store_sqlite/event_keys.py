"""The key of an event: run and sequence number in one integer, so that the events of a run lie together in their order.

One integer rather than two columns, because SQLite keeps a table by its integer key in another way than one by several
columns: it goes on from a full page to an empty one, where it would share the rows of full pages out anew.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement

from fabro_store_sqlite.schema import EVENTS

_SEQ_BITS: Final = 24
_RUN: Final = 1 << _SEQ_BITS

MAX_SEQ: Final = _RUN - 1
"""More than sixteen times as many as a run's log may have (events.md E2)."""

Number = ColumnElement[int]

run_of_event: Final[Number] = EVENTS.c.event.bitwise_rshift(_SEQ_BITS)
seq_of_event: Final[Number] = EVENTS.c.event.bitwise_and(MAX_SEQ)


def event_key(run: int, seq: int) -> int:
    """Raises `OverflowError` for a sequence number that no event can have."""
    if not 0 <= seq <= MAX_SEQ:
        raise OverflowError(f"A run has at most {MAX_SEQ} events.")
    return run * _RUN + seq


def event_key_of(run: Number, seq: Number | int) -> Number:
    """The key in a statement; `seq` is a column, a parameter or a number, of 0 to `MAX_SEQ`."""
    return run * _RUN + seq
