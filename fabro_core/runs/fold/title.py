"""The title of a run (runs.md R5.4)."""

from __future__ import annotations

import re
import unicodedata

from fabro_core.errors import InvalidRequest

MAX_TITLE_CHARS = 100
UNTITLED = "Untitled run"

_HEADING = re.compile(r"[#\s]*")


def valid_title(text: str) -> str:
    """An explicit title, trimmed. Raises `InvalidRequest` when it is blank, too long or has control characters."""
    title = text.strip()
    if not title:
        raise InvalidRequest("title: must not be blank.")
    if len(title) > MAX_TITLE_CHARS:
        raise InvalidRequest(f"title: must not be longer than {MAX_TITLE_CHARS} characters.")
    if any(unicodedata.category(character) == "Cc" for character in title):
        raise InvalidRequest("title: must not contain control characters.")
    return title


def inferred_title(goal: str) -> str:
    """The title of a run that was given none: the first line of its goal, without Markdown's heading signs."""
    first_line = goal.split("\n", 1)[0]
    title = _HEADING.sub("", first_line, count=1).removeprefix("Plan:").strip()
    if not title:
        return UNTITLED
    return title if len(title) <= MAX_TITLE_CHARS else title[: MAX_TITLE_CHARS - 3] + "..."
