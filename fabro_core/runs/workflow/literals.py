"""The words of a workflow file: what a bare value means and what a quoted one says (language.md L1, L1.1)."""

from __future__ import annotations

import math
import re

from fabro_core.models.graph import AttributeValue, Boolean, Duration, Float, Integer, String

TEXT_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*+")
INTEGER = re.compile(r"-?[0-9]++")
_FLOAT = re.compile(r"-?[0-9]*+\.[0-9]++")
_DURATION = re.compile(r"(-?)([0-9]++)(ms|s|m|h|d)")

BOOLEANS = {"true": Boolean(True), "false": Boolean(False)}
_UNITS_IN_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_INT64 = range(-(2**63), 2**63)
_MAX_DIGITS = 400
"""More than any number in range needs, and below the length at which Python refuses to convert."""

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


class OutOfRange(ValueError):
    """A number that 64 bits cannot hold."""


def bare(word: str) -> AttributeValue | None:
    """The value of an unquoted word by its form; None when it has none of them and must be quoted.

    A negative duration is a text: nothing takes so long. Raises `OutOfRange`.
    """
    if TEXT_WORD.fullmatch(word):
        return BOOLEANS.get(word) or String(word)
    if INTEGER.fullmatch(word):
        return Integer(integer(word))
    if _FLOAT.fullmatch(word):
        return Float(_finite(word))
    if match := _DURATION.fullmatch(word):
        return String(word) if match[1] else duration(word)
    return None


def integer(digits: str) -> int:
    """The number that a text like `-42` spells. Raises `OutOfRange`."""
    if len(digits) > _MAX_DIGITS or (number := int(digits)) not in _INT64:
        raise OutOfRange
    return number


def duration(text: str) -> Duration | None:
    """The length of time that a text like `250ms` spells; None when it spells none. Raises `OutOfRange`."""
    match = _DURATION.fullmatch(text)
    if match is None or match[1]:
        return None
    milliseconds = integer(match[2]) * _UNITS_IN_MS[match[3]]
    if milliseconds not in _INT64:
        raise OutOfRange
    return Duration(milliseconds)


def unquote(quoted: str) -> str:
    """The text between the quotes. A backslash before any character without a meaning of its own stands for itself."""
    inner = quoted[1:-1]
    if "\\" not in inner:
        return inner
    return _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[0]), inner)


def offset_in_quoted(source: str, at: int, index: int) -> int:
    """Where in a source the character at `index` of a quoted string's text stands; the opening quote stands at `at`."""
    offset = at + 1 + index
    for match in _ESCAPE.finditer(source, at + 1):
        if match.start() >= offset:
            break
        offset += match[1] in _ESCAPES
    return offset


def _finite(word: str) -> float:
    if len(word) > _MAX_DIGITS or not math.isfinite(number := float(word)):
        raise OutOfRange
    return number
