"""Says in the terms of JSON what a value of the wrong type is, and where it stands."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

_MISSING = re.compile(r"Object missing required field `(.*)`")
_TYPE = re.compile(r"`([^`]*)`")
_WORDS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_A_KEY = "[...]"
_LONGEST_KEY_SHOWN = 80
_STEP = re.compile(r"\[\.\.\.\]|\[\d+\]|\.?[^.\[]+")


class TypeFault(NamedTuple):
    """`path` is `run.model.name`, empty when the whole value is meant; `reason` has no full stop."""

    path: str
    reason: str

    def line(self) -> str:
        return f"{self.path}: {self.reason}." if self.path else f"{self.reason[:1].upper()}{self.reason[1:]}."


def type_fault(error: msgspec.ValidationError, prefix: str = "") -> TypeFault:
    """The fault that msgspec found in the value at `prefix`. Keys of maps appear as `[...]`: msgspec does not tell."""
    message, _, place = str(error).partition(" - at `$")
    path = (prefix + place.removesuffix("`")).removeprefix(".")
    missing = _MISSING.fullmatch(message)
    if missing:
        return TypeFault(f"{path}.{missing[1]}".removeprefix("."), "is required")
    return TypeFault(path, message[:1].lower() + _TYPE.sub(lambda types: _in_words(types[1]), message[1:]))


def type_fault_in(value: Any, kind: Any) -> TypeFault | None:
    """The first fault of a decoded JSON value, with the keys of maps; None when there is none.

    `value` is not what it was afterwards.
    """
    error = _error(value, kind)
    if error is None:
        return None
    fault = type_fault(error)
    shown = ""
    at = value
    for step in _STEP.findall(fault.path):
        if step == _A_KEY:
            key = _leave_faulty_key(value, kind, at)
            shown += f"[{_quoted(key)}]"
            at = at[key]
            continue
        shown += step
        if isinstance(at, list):
            at = at[int(step[1:-1])]
        elif isinstance(at, dict):
            at = at.get(step.removeprefix("."))
    return fault._replace(path=shown)


def _leave_faulty_key(value: Any, kind: Any, entries: dict[str, Any]) -> str:
    """The key of a map in `value` whose entry is at fault; the others are taken out. It halves the map to find it."""
    left = dict(entries)
    expected = str(_error(value, kind))
    while len(left) > 1:
        pairs = list(left.items())
        entries.clear()
        entries.update(pairs[: len(pairs) // 2])
        if str(_error(value, kind)) != expected:
            entries.clear()
            entries.update(pairs[len(pairs) // 2 :])
        left = dict(entries)
    return next(iter(left))


def _error(value: Any, kind: Any) -> msgspec.ValidationError | None:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return error
    return None


def _in_words(types: str) -> str:
    return " or ".join(_WORDS.get(each, each) for each in types.split(" | "))


def _quoted(text: str) -> str:
    shown = text if len(text) <= _LONGEST_KEY_SHOWN else f"{text[: _LONGEST_KEY_SHOWN - 3]}..."
    return msgspec.json.encode(shown).decode()
