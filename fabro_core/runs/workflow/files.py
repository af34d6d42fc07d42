"""The files of a workflow that a manifest holds: all that a workflow can refer to (language.md L9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WorkflowFiles:
    """A workflow file and the files that were sent with it."""

    path: str
    """Of the workflow file, in normal form."""
    source: str
    """Its text as it was submitted."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """Texts of the other files by normal path."""
