"""Paths of artifacts (events.md E14): where a file belongs below the directory that somebody unpacks them into."""

from __future__ import annotations

from typing import Final

from fabro_core.errors import InvalidRequest

MAX_PATH_BYTES: Final = 4096
"""What file systems take; a ZIP file could name no more than 65,535 bytes."""

_NO_NAMES: Final = frozenset({"", ".", ".."})


def require_artifact_path(path: str) -> str:
    """`path` itself, if it is relative and leads nowhere but down. Raises `InvalidRequest`.

    NUL is refused because it ends the name of a file, in a ZIP file as well: two paths could become one.
    """
    if not _NO_NAMES.isdisjoint(path.split("/")) or "\\" in path or "\0" in path:
        raise InvalidRequest("The path of an artifact is relative, with / between names that are not empty, . or ..")
    if len(path.encode()) > MAX_PATH_BYTES:
        raise InvalidRequest(f"The path of an artifact has at most {MAX_PATH_BYTES} bytes.")
    return path
