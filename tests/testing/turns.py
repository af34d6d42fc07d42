"""Which mutants a run of the tests is about: a third of them in turn, or all.

`FABRO_MUTANTS` names the turn: 0, 1, 2 or `all`, as `make long` does. Where it is not set, the day decides, and the
head of pytest's report says what to set for the same tests again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from zlib import crc32

VARIABLE: Final = "FABRO_MUTANTS"
TURNS: Final = 3
ALL: Final = "all"


def settle_turn() -> str:
    """The turn; from now on also that of every process that is started from here, whatever the day."""
    turn = os.environ.setdefault(VARIABLE, str(datetime.now(UTC).toordinal() % TURNS))
    if turn not in {ALL, *map(str, range(TURNS))}:
        raise ValueError(f"{VARIABLE} is {turn!r}; it may be 0, 1, 2 or {ALL}")
    return turn


def in_turn(names: Iterable[str]) -> list[str]:
    """Those whose turn it is; whether a name is among them depends on nothing but the name and the turn."""
    turn = settle_turn()
    return [name for name in names if turn in (ALL, str(crc32(name.encode()) % TURNS))]
