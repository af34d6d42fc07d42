"""The text of a workflow file, and where in it something stands (language.md L1)."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

from fabro_core.errors import InvalidRequest
from fabro_core.text import without_mark


class WorkflowSyntaxError(InvalidRequest):
    """The text is not a workflow graph. `line` and `column` count from 1, columns in characters."""

    def __init__(self, path: str, line: int, column: int, reason: str) -> None:
        self.path, self.line, self.column, self.reason = path, line, column, reason
        super().__init__(f"{path}:{line}:{column}: {reason}")


class Position(NamedTuple):
    """A place in a text; line and column count from 1, columns in characters."""

    line: int
    column: int


class Source:
    """A file of the manifest. A leading byte order mark is not part of `text`, and no column counts it."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        """The normal form of its key in the manifest."""
        self.text = without_mark(text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Source) and (self.path, self.text) == (other.path, other.text)

    def __hash__(self) -> int:
        return hash((self.path, self.text))

    def position(self, offset: int) -> Position:
        """Where the character at an offset stands. Lines end at LF."""
        line = bisect_right(self._line_starts, offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)

    def shown(self, offset: int) -> str:
        """`path:line:column`."""
        line, column = self.position(offset)
        return f"{self.path}:{line}:{column}"

    def fault(self, offset: int, reason: str) -> WorkflowSyntaxError:
        """The error that says why the text cannot go on at an offset."""
        return WorkflowSyntaxError(self.path, *self.position(offset), reason)

    @cached_property
    def _line_starts(self) -> list[int]:
        starts, at = [0], self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        return starts
