"""Whether what is done with a text, or with a log, takes time in proportion to its length and no more."""

from __future__ import annotations

import gc
from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Final, TypeVar

T = TypeVar("T")

SMALL: Final = 16 * 1024
LARGE: Final = 64 * 1024
MOST_GROWTH: Final = 5.0
"""Of the processor's time, where the large one is four times as long as the small one. A square makes it sixteen."""

_ENOUGH_SECONDS: Final = 0.004
"""Of what is compared: less says more about the machine than about the text."""
_PAIRS: Final = 3
_ATTEMPTS: Final = 16
"""As others use the machine, too: what grows as a square does so each time."""

Make = Callable[[int], T]
"""Makes an input of about so many characters or bytes."""


def growth(work: Callable[[T], object], make: Make[T]) -> float:
    """How many times as long `work` takes with the large input.

    Other programs can make a measurement longer, and a square shorter by no more than a little. So the first one counts
    if it is good; else the least of several medians does.
    """
    small, large = make(SMALL), make(LARGE)
    repeats = 1
    while (taken := _seconds(work, small, repeats)) < _ENOUGH_SECONDS:
        repeats = max(repeats + 1, int(repeats * _ENOUGH_SECONDS / max(taken, 1e-6)) + 1)
    least = _seconds(work, large, repeats) / taken
    for _ in range(_ATTEMPTS):
        if least <= MOST_GROWTH:
            break
        pairs = [(_seconds(work, small, repeats), _seconds(work, large, repeats)) for _ in range(_PAIRS)]
        least = min(least, median(large for _, large in pairs) / median(small for small, _ in pairs))
    return least


def repeated(head: str, unit: str, tail: str = "") -> Make[str]:
    return lambda length: head + unit * ((length - len(head) - len(tail)) // len(unit)) + tail


def numbered(head: str, unit: str, tail: str = "") -> Make[str]:
    """`unit` with numbers in it, so that no two are alike."""

    def make(length: int) -> str:
        parts, size, number = [head], len(head) + len(tail), 0
        while size < length:
            parts.append(unit.format(number, number + 1))
            size += len(parts[-1])
            number += 1
        return "".join(parts) + tail

    return make


def _seconds(work: Callable[[T], object], given: T, repeats: int) -> float:
    """Of this process, without what the garbage collector takes: that depends on everything else in memory."""
    gc.disable()
    try:
        began = process_time()
        for _ in range(repeats):
            work(given)
        return process_time() - began
    finally:
        gc.enable()
