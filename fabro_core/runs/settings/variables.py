"""Puts the server's variables into the settings of a run (run-settings.md T7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from fabro_core.runs.settings.faults import Report
from fabro_core.runs.settings.kinds import (
    FileTable,
    Kind,
    ListKind,
    MapKind,
    TableKind,
    TextKind,
    TextOrTableKind,
    VariantKind,
)
from fabro_core.runs.settings.table import fields_of
from fabro_core.runs.settings.toml_places import Path

MAX_CHARS: Final = 1024 * 1024
"""That variables come to in one run; one that is long and named often would otherwise multiply without end."""

T = TypeVar("T", bound=FileTable)

_TOKENS_BEGIN: Final = b"{{"
_TOKEN: Final = re.compile(r"\{\{\s*+vars\.([A-Za-z_][A-Za-z0-9_]*+)\s*+\}\}")


class Interpolation:
    """Replaces `{{ vars.NAME }}` once, in texts that may hold it: what a variable holds is not looked at again."""

    def __init__(self, variables: Mapping[str, str], report: Report) -> None:
        self._variables = variables
        self._report = report
        self._chars_left = MAX_CHARS

    def table(self, table: T, path: Path) -> T:
        """The table with the variables in it."""
        if _TOKENS_BEGIN not in msgspec.json.encode(table):
            return table
        found = {
            name: self._value(getattr(table, name), field.kind, (*path, name))
            for name, field in fields_of(type(table)).items()
        }
        return type(table)(**found)

    def check(self, text: str, path: Path) -> None:
        """Report names that there are not, in a text that something else will put them into."""
        for match in _TOKEN.finditer(text):
            self._of(match, path)

    def _value(self, value: Any, kind: Kind, path: Path) -> Any:
        match value, kind:
            case str(), TextKind(variables=True) | TextOrTableKind(text=TextKind(variables=True)):
                return _TOKEN.sub(lambda match: self._of(match, path), value)
            case tuple(), ListKind(item=item):
                return tuple(self._value(each, item, (*path, index)) for index, each in enumerate(value))
            case dict(), MapKind(item=item):
                return {key: self._value(each, item, (*path, key)) for key, each in value.items()}
            case FileTable(), TableKind() | VariantKind():
                return self.table(value, path)
            case _:
                return value

    def _of(self, match: re.Match[str], path: Path) -> str:
        text = self._variables.get(match[1])
        if text is None:
            self._report(path, f"there is no variable {match[1]}")
            return match[0]
        self._chars_left -= len(text)
        if self._chars_left < 0:
            if self._chars_left + len(text) >= 0:  # told once
                self._report(path, f"the variables come to more than {MAX_CHARS} characters")
            return ""
        return text
