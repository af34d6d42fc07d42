"""The words of a workflow file: what a bare value means and what a quoted one says (runs.md R8.4)."""

from __future__ import annotations

import math
import re

from fabro_core.models.graph import AttributeValue, Boolean, Duration, Float, Integer, String

_BOOLEANS = {"true": Boolean(True), "false": Boolean(False)}
_NUMBER = re.compile(r"(?P<integer>-?[0-9]+)|(?P<float>-?[0-9]*\.[0-9]+)|(?P<count>[0-9]+)(?P<unit>ms|s|m|h|d)")
_UNITS_IN_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_INT64 = range(-(2**63), 2**63)
_MAX_DIGITS = 400
"""More than any number in range needs, and below the length at which Python refuses to convert."""

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


class OutOfRange(ValueError):
    """A number that 64 bits cannot hold."""


def bare(word: str) -> AttributeValue:
    """The value of an unquoted word. Raises `OutOfRange`."""
    if word in _BOOLEANS:
        return _BOOLEANS[word]
    number = _NUMBER.fullmatch(word)
    if number is None:
        return String(word)
    if len(word) > _MAX_DIGITS:
        raise OutOfRange
    if number["float"]:
        return Float(_finite(float(word)))
    if number["unit"]:
        return Duration(_int64(int(number["count"]) * _UNITS_IN_MS[number["unit"]]))
    return Integer(_int64(int(word)))


def unquote(quoted: str) -> str:
    """The text between the quotes. A backslash before any character without a meaning of its own stands for itself."""
    inner = quoted[1:-1]
    if "\\" not in inner:
        return inner
    return _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[0]), inner)


def _int64(number: int) -> int:
    if number not in _INT64:
        raise OutOfRange
    return number


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise OutOfRange
    return number
