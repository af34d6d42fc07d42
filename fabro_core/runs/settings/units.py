"""Durations and sizes: as people write them, and as the snapshot shows them (run-settings.md T3.9, T9)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

DURATION_FORM: Final = r"\s*[0-9]+(ms|s|m|h|d)\s*"
SIZE_FORM: Final = r"\s*[0-9]+\s*(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?\s*"

MAX_MILLISECONDS: Final = 2**63 - 1
MAX_BYTES: Final = 2**64 - 1

_MILLISECONDS: Final[Mapping[str, int]] = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
}
_BYTES: Final[Mapping[str, int]] = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_DIGITS: Final = 20
"""More of them exceed every bound."""

_DURATION: Final = re.compile(rf"([0-9]{{1,{_DIGITS}}})(ms|s|m|h|d)")
_SIZE: Final = re.compile(rf"([0-9]{{1,{_DIGITS}}})\s*(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?")


def milliseconds(text: str) -> int | None:
    """The length of a duration; None when the text is none, or is beyond 64 bits."""
    found = _DURATION.fullmatch(text.strip())
    value = int(found[1]) * _MILLISECONDS[found[2]] if found else MAX_MILLISECONDS + 1
    return value if value <= MAX_MILLISECONDS else None


def size_in_bytes(value: str | int) -> int | None:
    """The bytes of a size; None when the value is none. A number alone counts GB."""
    found = _SIZE.fullmatch(value.strip() if isinstance(value, str) else str(value))
    size = int(found[1]) * _BYTES[found[2] or "GB"] if found else MAX_BYTES + 1
    return size if size <= MAX_BYTES else None


def shown_duration(value_ms: int) -> str:
    """In the largest unit that divides it."""
    return _shown(value_ms, _MILLISECONDS, ("d", "h", "m", "s", "ms"), zero="0s")


def shown_size(value_bytes: int) -> str:
    """In the largest power of 1000 that divides it."""
    return _shown(value_bytes, _BYTES, ("TB", "GB", "MB", "KB", "B"), zero="0B")


def _shown(value: int, factors: Mapping[str, int], units: tuple[str, ...], *, zero: str) -> str:
    if value == 0:
        return zero
    unit = next(unit for unit in units if value % factors[unit] == 0)
    return f"{value // factors[unit]}{unit}"
