"""Paths inside a manifest (runs.md R8.1)."""

from __future__ import annotations

import posixpath

from fabro_core.errors import InvalidRequest
from fabro_core.runs.paths import MAX_PATH_LENGTH, folded, path_fault


def normal_path(path: str, where: str) -> str:
    """The normal form: relative, `.` and `..` folded; a leading `..` may remain. `where` names it in the message.

    Raises `InvalidRequest` for a path that is absolute, too long, not portable, or does not name a file.
    """
    if len(path) > MAX_PATH_LENGTH:
        raise InvalidRequest(f"{where}: must have at most {MAX_PATH_LENGTH} characters.")
    fault = path_fault(path)
    if fault is not None:
        raise InvalidRequest(f"{where}: {fault}.")
    normal = folded("", path)
    if normal is None:
        raise InvalidRequest(f"{where}: must name a file.")
    return normal


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
