"""The files of a workflow: all that it can refer to (language.md L9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fabro_core.models.manifest import FileRefType


class FileReference(NamedTuple):
    """A file that a workflow or its settings refer to."""

    path: str
    """Of the file that is meant, in normal form."""
    type: FileRefType
    original: str
    """As it was written."""
    base: str
    """The file that it was written in."""


Find = Callable[[FileReference], str | None]
"""The text of a file; None when there is none."""


@dataclass(frozen=True, slots=True)
class WorkflowFiles:
    """A workflow file and the files that it can refer to."""

    path: str
    """Of the workflow file, in normal form."""
    source: str
    """Its text as it was submitted."""
    find: Find


def found_in(contents: Mapping[str, str]) -> Find:
    """Finds files in texts by normal path: those that came with a manifest."""
    return lambda reference: contents.get(reference.path)
