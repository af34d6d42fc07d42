"""Paths of files in a manifest, as a workflow refers to them (language.md L8, L9, runs.md R8.1)."""

from __future__ import annotations

import re

_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def resolved(directory: str, reference: str) -> str | None:
    """The normal path of a reference as seen from a directory; None for one that names no file of a manifest.

    `directory` is a normal path, or empty. `.` and `..` are folded; a leading `..` may remain.
    """
    if reference.startswith(("/", "~")) or _DRIVE.match(reference) or "\\" in reference or _CONTROL.search(reference):
        return None
    segments = directory.split("/") if directory else []
    for segment in reference.split("/"):
        if segment == ".." and segments and segments[-1] != "..":
            segments.pop()
        elif segment not in ("", "."):
            segments.append(segment)
    return "/".join(segments) if segments and segments[-1] != ".." else None


def directory_of(path: str) -> str:
    """The directory that a file stands in; empty for the root."""
    return path.rpartition("/")[0]


def is_within(directory: str, path: str) -> bool:
    """Whether a file stands in a directory or below it."""
    return not path.startswith("../") if not directory else path.startswith(f"{directory}/")
