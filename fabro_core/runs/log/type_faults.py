"""Says in a client's terms what a value of the wrong type is and where it stands."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

_MISSING = re.compile(r"Object missing required field `(.*)`")


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
    return TypeFault(path, message[:1].lower() + message[1:].replace("`", ""))
