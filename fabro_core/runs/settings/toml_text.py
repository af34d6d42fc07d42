"""Reads TOML that a client sends: within bounds, with the line of every fault (run-settings.md T1.1)."""

from __future__ import annotations

import ast
import math
import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fabro_core.runs.settings.faults import dotted
from fabro_core.runs.settings.toml_places import Path, Place, TomlFault, scan, scan_value
from fabro_core.text import without_mark

MAX_BYTES: Final = 256 * 1024
"""Of one text in UTF-8; reading as much takes about half a second."""

_INT64: Final = range(-(2**63), 2**63)
_KEYS: Final = re.compile(r"(?:(?<=^Cannot declare )|(?<= namespace ))\(.*\)", re.DOTALL)
"""The keys that the parser names."""

_LINE_AND_COLUMN: Final = re.compile(r"line ([0-9]+), column ([0-9]+)\)$")


class UnreadableToml(Exception):
    """A text that cannot be read. `line` and `column` count from 1; the reason has no full stop."""

    def __init__(self, line: int, column: int, reason: str) -> None:
        self.line, self.column, self.reason = line, column, reason
        super().__init__(reason)


class Document:
    """A TOML text: its values, and where they stand."""

    def __init__(self, values: Mapping[str, Any], root: Place, lines: _Lines) -> None:
        self.values = values
        self._root = root
        self._lines = lines

    def place(self, path: Path) -> tuple[int, int]:
        """Line and column, from 1, of what `path` leads to, or of the nearest thing above it that is written down."""
        return self._lines.place(self._root.at(path).offset)

    def foreign_values(self) -> Iterator[tuple[Path, str]]:
        """What TOML has and neither JSON nor the settings have a place for, with what is wrong about it."""
        return _foreign(self.values)


def read_toml(source: str) -> Document:
    """The document in a text. A byte order mark at its start and CRLF at its line ends are fine.

    Raises `UnreadableToml` when it is not TOML 1.0, is too long or nests too deeply.
    """
    if len(source) > MAX_BYTES or len(source.encode(errors="surrogatepass")) > MAX_BYTES:
        raise UnreadableToml(1, 1, f"more than {MAX_BYTES} bytes of TOML")
    text = without_mark(source).replace("\r\n", "\n")
    lines = _Lines(text)
    try:
        root = scan(text)
    except TomlFault as fault:
        raise UnreadableToml(*lines.place(fault.offset), fault.reason) from None
    return Document(_parsed(text, lines), root, lines)


def read_value(text: str) -> Any:
    """The value that the text is, of any type that TOML has. Raises `UnreadableToml` when it is anything else."""
    if len(text) > MAX_BYTES:
        raise UnreadableToml(1, 1, f"more than {MAX_BYTES} bytes of TOML")
    lines = _Lines(text)
    try:
        scan_value(text)
    except TomlFault as fault:
        raise UnreadableToml(*lines.place(fault.offset), fault.reason) from None
    return _parsed(f"value = {text}", lines)["value"]


def _parsed(text: str, lines: _Lines) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).rpartition(" (at ")
        numbers = _LINE_AND_COLUMN.match(place)
        line, column = (int(numbers[1]), int(numbers[2])) if numbers else lines.place(len(text))
        raise UnreadableToml(line, column, f"not valid TOML: {_in_words_of_toml(reason)}") from None


def _in_words_of_toml(reason: str) -> str:
    """What the parser says, with keys as TOML writes them; it shows them as a tuple of Python's."""
    told = _KEYS.sub(lambda keys: dotted(ast.literal_eval(keys[0])), reason).replace("namespace", "table")
    return f"{told[:1].lower()}{told[1:]}"


class _Lines:
    """Where the lines of a text end."""

    def __init__(self, text: str) -> None:
        self._ends = [match.start() for match in re.finditer("\n", text)]

    def place(self, offset: int) -> tuple[int, int]:
        before = bisect_left(self._ends, offset)
        start = self._ends[before - 1] + 1 if before else 0
        return before + 1, offset - start + 1


def _foreign(values: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Without recursion, and without a path for what is in order: nearly everything is."""
    waiting: list[tuple[Any, Path]] = [(values, ())]
    while waiting:
        holder, path = waiting.pop()
        for step, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
            if isinstance(value, dict | list):
                waiting.append((value, (*path, step)))
            elif reason := _foreign_reason(value):
                yield (*path, step), reason


def fits_json(number: int | float) -> bool:
    """Whether every reader of JSON gets the number as it is."""
    return number in _INT64 if isinstance(number, int) else math.isfinite(number)


def _foreign_reason(value: object) -> str | None:
    match value:
        case str() | bool():
            return None
        case int():
            return None if value in _INT64 else "must fit into 64 bits"
        case float():
            return None if math.isfinite(value) else "must be a finite number"
        case _:
            return "must not be a date or a time; write it as a text in quotes"
