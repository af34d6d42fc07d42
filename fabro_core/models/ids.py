"""Identifiers (runs.md R3)."""

from __future__ import annotations

import re
from typing import Annotated, NewType

import msgspec

RunId = NewType("RunId", str)
"""A ULID in its canonical upper-case spelling."""

SessionId = NewType("SessionId", str)
"""Of an interactive session; a ULID in its canonical spelling, as are the next."""

TurnId = NewType("TurnId", str)

PairId = NewType("PairId", str)
"""Of somebody who works with an agent; a ULID as well."""

VariableName = Annotated[
    str,
    msgspec.Meta(pattern=r"\A[A-Za-z_][A-Za-z0-9_]*\Z"),  # Python's $ lets a line feed follow
]
"""What a variable may be called (resources.md X7)."""

ResourceId = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,62}\Z")]
"""The id of what is kept with a revision (resources.md X5)."""

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def parse_ulid(text: str) -> str | None:
    """The canonical spelling of a ULID in any letter case; None when the text is no ULID."""
    upper = text.upper() if text.isascii() else text
    return upper if _ULID.fullmatch(upper) else None


def parse_run_id(text: str) -> RunId | None:
    """The canonical id for a ULID in any letter case; None when the text is no ULID."""
    ulid = parse_ulid(text)
    return None if ulid is None else RunId(ulid)


def parse_digest(text: str) -> str | None:
    """The SHA-256 that names a blob, in lower case, from hex digits of any case; None when the text is none."""
    lower = text.lower() if text.isascii() else text
    return lower if _SHA256.fullmatch(lower) else None
