"""Where the keys and values of a TOML text stand, and whether they nest within bounds.

`tomllib` says what a text means but not where; and a key of many parts costs it the square of their number. So every
text passes through here first, in time that grows with its length alone. What this scanner does not understand is an
error, never left to the parser: the two could disagree about where a string ends, and the bound would be void.
"""

from __future__ import annotations

import re
from typing import Final

MAX_DEPTH: Final = 32
"""Keys and indexes on the way to a value."""

Step = str | int
"""A key, or the index of an item."""

Path = tuple[Step, ...]
"""The way to a value."""


class TomlFault(Exception):
    """A text that is no TOML, or nests too deeply. `offset` counts characters; the reason has no full stop."""

    def __init__(self, offset: int, reason: str) -> None:
        self.offset, self.reason = offset, reason
        super().__init__(reason)


class Place:
    """Where a key or an item begins, and the places of what it holds."""

    __slots__ = ("items", "members", "offset")

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.members: dict[str, Place] | None = None
        self.items: list[Place] | None = None

    def at(self, path: Path) -> Place:
        """The place of what `path` leads to, or of the last thing on the way that is written down."""
        place = self
        for step in path:
            inner = place._step(step)
            if inner is None:
                break
            place = inner
        return place

    def member(self, key: str, offset: int) -> Place:
        """The place of a key, which begins at `offset` unless it is known already."""
        if self.members is None:
            self.members = {}
        return self.members.setdefault(key, Place(offset))

    def item(self, offset: int) -> Place:
        """The place of one more item."""
        if self.items is None:
            self.items = []
        self.items.append(Place(offset))
        return self.items[-1]

    def _step(self, step: Step) -> Place | None:
        if isinstance(step, str):
            return self.members.get(step) if self.members else None
        return self.items[step] if self.items and step < len(self.items) else None


def scan(text: str) -> Place:
    """The places in a text whose lines end in `\\n`. Raises `TomlFault`."""
    return _Scanner(text).document()


def scan_value(text: str) -> None:
    """Raises `TomlFault` unless the text is one value and nothing else, but for blanks around it."""
    _Scanner(text).single_value()


_BLANK: Final = re.compile(r"(?:[ \t\n]++|#[^\n]*+)*+")
_SPACE: Final = re.compile(r"[ \t]*+")
_REST_OF_LINE: Final = re.compile(r"[ \t]*+(?:#[^\n]*+)?+(?:\n|\Z)")

_BASIC: Final = r'"(?:[^"\\\n]++|\\[^\n])*+"'
_LITERAL: Final = r"'[^'\n]*+'"
_KEY: Final = re.compile(rf"[A-Za-z0-9_-]++|{_BASIC}|{_LITERAL}")
_STRING: Final = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+""""{0,2}'
    r"|'''(?:[^']++|'(?!''))*+''''{0,2}"
    rf"|{_BASIC}|{_LITERAL}",
    re.DOTALL,
)
_PLAIN: Final = re.compile(r"[A-Za-z0-9+_.:-]++(?: [0-9]{2}:[0-9:.Zz+-]*+)?+")
"""Numbers, booleans, dates; a blank may stand between a date and a time."""

_MAX_PLAIN_CHARS: Final = 1024
"""Python reads no number of more than 4300 digits, and does not say where it stood."""

_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_ESCAPED: Final = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def document(self) -> Place:
        root = table = Place(0)
        depth = 0
        while self._skip(_BLANK) < len(self._text):
            header = self._position
            if self._take("[["):
                tables, depth = self._key(root, 0)
                self._close("]]", "after the name of the table")
                table, depth = tables.item(header), self._deeper(depth)
            elif self._take("["):
                table, depth = self._key(root, 0)
                self._close("]", "after the name of the table")
                if table.items:  # the last one of a list of tables
                    table, depth = table.items[-1], self._deeper(depth)
            else:
                self._pair(table, depth)
            self._expect(_REST_OF_LINE, "the end of the line")
        return root

    def single_value(self) -> None:
        self._skip(_SPACE)
        self._value(Place(0), 1)
        if self._skip(_SPACE) < len(self._text):
            raise TomlFault(self._position, "not valid TOML: expected one value")

    def _pair(self, table: Place, depth: int) -> None:
        place, depth = self._key(table, depth)
        self._close("=", "after the key")
        self._skip(_SPACE)
        self._value(place, depth)

    def _key(self, place: Place, depth: int) -> tuple[Place, int]:
        """The place of a key with all its dots, and how deep it lies. A list of tables stands for its last one."""
        while True:
            self._skip(_SPACE)
            offset = self._position
            part = _name(self._expect(_KEY, "a key"))
            if place.items:
                place, depth = place.items[-1], self._deeper(depth)
            place, depth = place.member(part, offset), self._deeper(depth)
            self._skip(_SPACE)
            if not self._take("."):
                return place, depth

    def _value(self, place: Place, depth: int) -> None:
        match self._text[self._position : self._position + 1]:
            case "[":
                self._array(place, self._deeper(depth))
            case "{":
                self._inline_table(place, depth)
            case '"' | "'":
                self._expect(_STRING, "a text with its closing quote")
            case _:
                self._plain()

    def _plain(self) -> None:
        start = self._position
        if len(self._expect(_PLAIN, "a value")) > _MAX_PLAIN_CHARS:
            raise TomlFault(start, f"a number of more than {_MAX_PLAIN_CHARS} characters")

    def _array(self, place: Place, depth: int) -> None:
        self._take("[")
        while True:
            self._skip(_BLANK)
            if self._take("]"):
                return
            self._value(place.item(self._position), depth)
            self._skip(_BLANK)
            if not self._take(","):
                self._close("]", 'or "," in the list')
                return

    def _inline_table(self, place: Place, depth: int) -> None:
        self._take("{")
        self._skip(_SPACE)
        if self._take("}"):
            return
        while True:
            self._pair(place, depth)
            self._skip(_SPACE)
            if not self._take(","):
                self._close("}", 'or "," in the table')
                return

    # -- the text ---------------------------------------------------------------------------------------------------

    def _skip(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self._text, self._position)
        self._position = found.end() if found else self._position
        return self._position

    def _take(self, token: str) -> bool:
        if not self._text.startswith(token, self._position):
            return False
        self._position += len(token)
        return True

    def _close(self, token: str, where: str) -> None:
        if not self._take(token):
            raise TomlFault(self._position, f'not valid TOML: expected "{token}" {where}')

    def _expect(self, pattern: re.Pattern[str], expected: str) -> str:
        found = pattern.match(self._text, self._position)
        if found is None:
            raise TomlFault(self._position, f"not valid TOML: expected {expected}")
        self._position = found.end()
        return found[0]

    def _deeper(self, depth: int) -> int:
        if depth == MAX_DEPTH:
            raise TomlFault(self._position, f"nested more than {MAX_DEPTH} deep")
        return depth + 1


def _name(written: str) -> str:
    """The key that is meant. An escape that TOML does not have is left to the parser, which refuses it."""
    if written[0] == "'":
        return written[1:-1]
    if written[0] == '"':
        return _ESCAPE.sub(_unescaped, written[1:-1]) if "\\" in written else written[1:-1]
    return written


def _unescaped(match: re.Match[str]) -> str:
    number = match[1] or match[2]
    if number is None:
        return _ESCAPED.get(match[3], match[3])
    return chr(int(number, 16)) if int(number, 16) <= 0x10FFFF else match[0]
