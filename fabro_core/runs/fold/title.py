"""The title of a run (runs.md R5.4)."""

from __future__ import annotations

import re
import unicodedata

from fabro_core.errors import InvalidRequest

MAX_TITLE_CHARS = 100
UNTITLED = "Untitled run"

_HEADING = re.compile(r"[#\s]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
"""Unicode's categories of characters that nobody sees: control, format (zero width) and separators."""


def valid_title(text: str) -> str:
    """An explicit title, trimmed. Raises `InvalidRequest` when it is blank, too long or has control characters."""
    title = text.strip()
    if _is_blank(title):
        raise InvalidRequest("title: must not be blank.")
    if len(title) > MAX_TITLE_CHARS:
        raise InvalidRequest(f"title: must not be longer than {MAX_TITLE_CHARS} characters.")
    if _CONTROL.search(title):
        raise InvalidRequest("title: must not contain control characters.")
    return title


def inferred_title(goal: str) -> str:
    """The title of a run that was given none: the first line of its goal, without Markdown's heading signs.

    It is a title that could have been given: control characters are blanks in it.
    """
    first_line = _CONTROL.sub(" ", goal.split("\n", 1)[0])
    title = _HEADING.sub("", first_line, count=1).removeprefix("Plan:").strip()
    if _is_blank(title):
        return UNTITLED
    return title if len(title) <= MAX_TITLE_CHARS else title[: MAX_TITLE_CHARS - 3] + "..."


def _is_blank(title: str) -> bool:
    return all(unicodedata.category(character) in _UNSEEN for character in title)
