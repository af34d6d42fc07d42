"""Paths inside a manifest (runs.md R8.1)."""

from __future__ import annotations

import posixpath
import re

from fabro_core.errors import InvalidRequest

_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


MAX_CHARS = 1024
"""Of a path; messages and records repeat it."""


def normal_path(path: str, where: str) -> str:
    """The normal form: relative, `.` and `..` folded; a leading `..` may remain. `where` names it in the message.

    Raises `InvalidRequest` for a path that is absolute, too long, not portable, or does not name a file.
    """
    if len(path) > MAX_CHARS:
        raise InvalidRequest(f"{where}: must have at most {MAX_CHARS} characters.")
    if path.startswith(("/", "~")) or _DRIVE.match(path):
        raise InvalidRequest(f"{where}: must be a relative path.")
    if "\\" in path:
        raise InvalidRequest(f"{where}: must use forward slashes.")
    if _CONTROL.search(path):
        raise InvalidRequest(f"{where}: must not contain control characters.")
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == ".." and segments and segments[-1] != "..":
            segments.pop()
        elif segment not in ("", "."):
            segments.append(segment)
    if not segments or segments[-1] == "..":
        raise InvalidRequest(f"{where}: must name a file.")
    return "/".join(segments)


def workflow_slug(path: str) -> str:
    """The slug of the workflow at a normal path: its file stem, or its directory's name for `workflow` (R5.3)."""
    *directories, name = path.split("/")
    stem = name.rpartition(".")[0] or name
    if stem != "workflow" or not directories or directories[-1] == "..":
        return stem
    return directories[-1]


def seen_from(directory: str, path: str, where: str) -> str:
    """A path as it is seen from a directory; one that is relative is seen from there already.

    Raises `InvalidRequest` when the path is absolute and the directory is not.
    """
    if not path.startswith("/"):
        return path
    if not directory.startswith("/"):
        raise InvalidRequest(f"{where}: must be a relative path, as cwd is none that it could be seen from.")
    return posixpath.relpath(path, directory)


def directory_of(path: str) -> str:
    """The directory of a file; empty for one without."""
    return path.rpartition("/")[0]
