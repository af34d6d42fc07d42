"""Identifiers (runs.md R3)."""

from __future__ import annotations

import re
from typing import NewType

RunId = NewType("RunId", str)
"""A ULID in its canonical upper-case spelling."""

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def parse_run_id(text: str) -> RunId | None:
    """The canonical id for a ULID in any letter case; None when the text is no ULID."""
    upper = text.upper() if text.isascii() else text
    return RunId(upper) if _ULID.fullmatch(upper) else None
