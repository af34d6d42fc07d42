"""Globs of files that a run keeps (run-settings.md T6.7)."""

from __future__ import annotations

import re
from typing import Final

_HERE: Final = re.compile(r"\A(?:\./+)++")
_ABSOLUTE: Final = re.compile(r"/|[A-Za-z]:")


def glob_fault(glob: str) -> str | None:
    """What is wrong with a glob, as a sentence without full stop; None: nothing."""
    pattern = _HERE.sub("", glob, count=1)
    if not pattern:
        return "must name files"
    if _ABSOLUTE.match(glob):
        return "must be seen from the working copy, not absolute"
    if "\\" in pattern:
        return "must separate directories with /"
    segments = pattern.split("/")
    if ".." in segments:
        return "must not lead out of the working copy with .."
    if any("**" in segment and segment != "**" for segment in segments):
        return "must have ** between slashes, as in logs/**/*.txt"
    return None if all(map(_brackets_close, segments)) else "has a [ without its ]"


def _brackets_close(segment: str) -> bool:
    """A `]` directly behind the opening bracket, or behind its `!`, is one of the characters."""
    position = segment.find("[")
    while position >= 0:
        first = position + (2 if segment[position + 1 : position + 2] in ("!", "^") else 1)
        end = segment.find("]", first + 1)
        if end < 0:
            return False
        position = segment.find("[", end)
    return True
