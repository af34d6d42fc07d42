"""What can be wrong with a template."""

from __future__ import annotations

from typing import NamedTuple


class TemplatePlace(NamedTuple):
    """Where in a template something stands, counted from 1 in the text that is rendered."""

    path: str | None
    """Of the file that was included; None: in the text itself."""
    line: int
    column: int | None = None
    """In characters; None when only the line is known."""


class TemplateFault(Exception):
    """The template cannot be rendered. `reason` is a sentence without its full stop, for whoever wrote the template."""

    def __init__(self, reason: str, at: TemplatePlace) -> None:
        self.reason, self.at = reason, at
        super().__init__(reason)


class Misuse(Exception):
    """A value cannot be used like that. Raised where the place is not known; it becomes a `TemplateFault`."""
