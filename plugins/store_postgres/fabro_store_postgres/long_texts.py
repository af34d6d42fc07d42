"""Texts of any length in indexes, whose entries have room for some 2,700 bytes.

What is only asked for as it is, such as a facet or the key of a document, stands in indexes as `folded` has it: a long
text as its digest. What is put in order stands there as it is, and long texts apart from the others, where they are
sorted each time: nothing that the core writes is so long.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from sqlalchemy import ColumnElement, func, literal_column

LONGEST_BYTES: Final = 600
"""Of a text that stands in indexes as it is, in UTF-8: three of them fit into an entry."""

_LONGEST_CHARS: Final = LONGEST_BYTES // 4
"""No text of so few characters has more bytes."""

_MARK: Final = "\U0010ffff"
"""What digests begin with; a text that begins with it is folded, too, so that none is taken for a digest."""


def folded(text: str) -> str:
    """The text, or for a long one what stands for it and for no other."""
    if text.startswith(_MARK) or (len(text) > _LONGEST_CHARS and len(text.encode()) > LONGEST_BYTES):
        return _MARK + hashlib.sha256(text.encode()).hexdigest()
    return text


def is_short(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the text stands in the index of its order. The number stands in the SQL, or no plan could rely on it."""
    return func.octet_length(column) <= literal_column(str(LONGEST_BYTES))


def is_long(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether it stands in the index of long ones."""
    return func.octet_length(column) > literal_column(str(LONGEST_BYTES))
