"""Bounds what templates may take: a thread that renders cannot be stopped, so it counts (language.md L10.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fabro_core.runs.templates.faults import Misuse

if TYPE_CHECKING:
    from fabro_core.runs.templates.source import ParsedTemplate
    from fabro_core.runs.templates.values import Undefined

MAX_STEPS = 600_000
"""For all templates of a graph; about a second's work."""
MAX_TEXT_CHARS = 1024 * 1024
"""Of any text that a template makes, its result included."""
MAX_TOTAL_CHARS = 4 * 1024 * 1024
"""Of the results of all templates of a graph."""
MAX_ITEMS = 100_000
"""Of any list that a template makes."""
MAX_DEPTH = 50
"""Of values inside values, and of templates and macros that use each other."""
_STEPS_A_PIECE = 8
"""What reading a piece of a template takes, compared with a step of rendering it."""
_CHARS_A_STEP = 256
"""Texts are copied by the machine and not by the interpreter."""


class Work:
    """What rendering the templates of one graph has left, and the first unbound name that the present one has used."""

    def __init__(self, *, steps: int = MAX_STEPS, total_chars: int = MAX_TOTAL_CHARS) -> None:
        self._steps = steps
        self._chars = total_chars
        self.unbound: Undefined | None = None
        self._parsed: dict[tuple[str | None, str], ParsedTemplate] = {}

    def parsed(self, text: str, path: str | None) -> ParsedTemplate:
        """A template, read once for all texts of the graph. Raises `TemplateFault`."""
        from fabro_core.runs.templates.source import parse

        found = self._parsed.get((path, text))
        if found is None:
            self.text(len(text))
            found = self._parsed[path, text] = parse(text, path)
            self.step(found.size * _STEPS_A_PIECE)
        return found

    def used(self, undefined: Undefined) -> None:
        """Note the use of a name that nothing is bound to: printed, tested for truth, gone through, looked into."""
        self.unbound = self.unbound or undefined

    def step(self, steps: int = 1) -> None:
        """Take steps. Raises `Misuse` when none are left."""
        self._steps -= steps
        if self._steps < 0:
            raise Misuse("the templates of the workflow take too long")

    def look_at(self, *values: object) -> None:
        """Read values through, which takes time only for long texts."""
        for value in values:
            if isinstance(value, str):
                self.step(len(value) // _CHARS_A_STEP + 1)

    def text(self, chars: int) -> None:
        """Have a text of so many characters made, before it is made."""
        if chars > MAX_TEXT_CHARS:
            raise Misuse(f"a text of more than {MAX_TEXT_CHARS} characters")
        self.step(chars // _CHARS_A_STEP + 1)

    def items(self, count: int) -> None:
        """Have a list of so many items made, before it is made."""
        if count > MAX_ITEMS:
            raise Misuse(f"a list of more than {MAX_ITEMS} items")
        self.step(count // 8 + 1)

    def result(self, chars: int) -> None:
        """Keep a result."""
        self._chars -= chars
        if self._chars < 0:
            raise Misuse(f"the templates of the workflow come to more than {MAX_TOTAL_CHARS} characters")
