"""What tells a template from other texts; apart, because the parser of templates takes long to load."""

from __future__ import annotations

_MARKS = ("{{", "{%", "{#")


def is_template(text: str) -> bool:
    """Whether there is anything to render; other texts are taken as they are (language.md L10.4)."""
    return any(mark in text for mark in _MARKS)
