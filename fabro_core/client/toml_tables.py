"""Looks into settings files for what the client needs of them. What is wrong with them, the server says."""

from __future__ import annotations

import tomllib
from typing import Any

from fabro_core.text import without_mark


def table_in(text: str | None, *path: str) -> dict[str, Any]:
    """The table at a path in a TOML text; an empty one when there is none, or the text is no TOML."""
    try:
        found: Any = tomllib.loads(without_mark(text or "").replace("\r\n", "\n"))
    except (ValueError, RecursionError):
        return {}
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
