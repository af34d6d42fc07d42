"""Characters that nobody sees, and that change how the others are seen: they end lines, move a terminal's cursor, turn
the direction of a text around or have no width at all. Text from elsewhere is shown with them spelled out.
"""

from __future__ import annotations

import re
from typing import Final

_ALWAYS: Final = (
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls, C1 included
    r"\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # line ends, directions, and what has no width
    r"\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    r"\ud800-\udfff"  # halves of characters, which cannot be written
)
_IN_LINES: Final = r"\t\n\r\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c-\u200f\u3164\ufe00-\ufe0f\uffa0"
"""What writing systems and pictures need, and pages lay out; in a log or a terminal it can only mislead."""

_UNSEEN: Final = re.compile(f"[{_ALWAYS}{_IN_LINES}]")
_UNSEEN_IN_PAGES: Final = re.compile(f"[{_ALWAYS}]")


def escaped(text: str) -> str:
    """Text for a line of a log or a terminal: no value can begin a line, talk to a terminal or look like another."""
    return text if text.isascii() and text.isprintable() else _UNSEEN.sub(_spelled, text)


def escaped_for_page(text: str) -> str:
    """Text for a page, which is laid out by a browser: lines, tabs and joiners of letters stay."""
    return text if text.isascii() and text.isprintable() else _UNSEEN_IN_PAGES.sub(_spelled, text)


def _spelled(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
