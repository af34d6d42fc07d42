"""Numbers that others tell: how large they may be, and how they are added up (server.md S10).

A number in an event that is larger is refused when it is appended, and text that is read as a number later is no number
then. Sums stay within the same bounds, so whatever is stored, answered and added again fits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec

MAX_COUNT: Final = 2**53 - 1
"""What every reader of JSON has exactly, and a store keeps in 64 bits with room to spare."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
"""Lines, bytes, milliseconds, events: what is counted from zero."""
Amount = Annotated[int, msgspec.Meta(ge=-MAX_COUNT, le=MAX_COUNT)]
"""Tokens and costs, which may be taken back."""

_DIGITS: Final = len(str(MAX_COUNT))


def bounded_sum(numbers: Iterable[int]) -> int:
    """The sum, or the bound that it passes."""
    return bounded(sum(numbers))


def bounded(number: int) -> int:
    """The number, or the bound that it passes."""
    return max(-MAX_COUNT, min(number, MAX_COUNT))


def read_count(text: str) -> int | None:
    """The number that decimal digits of ASCII stand for; None for anything else, and for one that is too large."""
    if len(text) > _DIGITS or not (text.isascii() and text.isdecimal()):
        return None
    number = int(text)
    return number if number <= MAX_COUNT else None
