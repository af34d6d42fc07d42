"""What every text of a client is: UTF-8 without a byte order mark, and without U+0000.

Stores keep texts for what they are (`RunStore`), but no database keeps U+0000 in every place, and no
name, title or label has a use for it. So it is refused in bodies, forms, queries and paths alike. Events and manifests
are for the most part kept as bytes: of them, only what things are found by is judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from fabro_core.errors import InvalidRequest
from fabro_core.text import begins_with_mark

_ESCAPED: Final = "\\u0000"
_ESCAPE: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The escape itself, and not a backslash that is escaped in front of `u0000`."""


def text_of(body: bytes) -> str:
    """The text of a body. Raises `InvalidRequest` for a byte order mark, which JSON has not (RFC 8259 §8.1) and which
    "not valid" would not explain, and `UnicodeDecodeError`."""
    if begins_with_mark(body):
        raise InvalidRequest("The request body begins with a byte order mark; JSON is sent without one.")
    return body.decode()


def json_text_of(body: bytes) -> str:
    """The text of a JSON body none of whose texts and keys holds U+0000. Raises as `text_of` does.

    JSON has that character as an escape alone (RFC 8259 §7).
    """
    text = text_of(body)
    if _ESCAPED in text and _ESCAPE.search(text) is not None:
        raise InvalidRequest("The request body must not hold the character U+0000.")
    return text


def refuse_nul(what: str, texts: Iterable[str]) -> None:
    """Raises `InvalidRequest` that names `what` they are when one of them holds U+0000."""
    if any("\0" in text for text in texts):
        raise InvalidRequest(f"{what} must not hold the character U+0000.")
