"""The stylesheet of a graph: which model its nodes use (language.md L7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from fabro_core.models.graph import Attributes
from fabro_core.runs.workflow.handlers import effective_shape

PROPERTIES = ("model", "provider", "reasoning_effort", "speed", "backend")
"""Those with an effect; others are ignored."""

_BLANKS = re.compile(r"(?:[ \t\r\n]++|/\*[^*]*+(?:\*(?!/)[^*]*+)*+\*/)*+")
_SELECTOR = re.compile(r"(?P<any>\*)|\.(?P<class>[a-z0-9-]++)|#(?P<id>[A-Za-z0-9_-]++)|(?P<shape>[A-Za-z0-9_-]++)")
_PROPERTY = re.compile(r"(?:[^: \t\r\n/]|/(?!\*))++")
_VALUE = re.compile(r"[^;}]*+")
_LONGEST_SHOWN = 20

Properties = dict[str, tuple[str, int]]
"""Values by property, each with the number of the rule that it comes from."""


class StylesheetError(ValueError):
    """A text is no stylesheet; says what was expected, and where."""


class StyledNode(Protocol):
    """What selectors look at."""

    @property
    def id(self) -> str: ...
    @property
    def attrs(self) -> Attributes: ...
    @property
    def classes(self) -> Iterable[str]: ...


@dataclass(slots=True)
class Stylesheet:
    """The rules of a sheet by what they select, so that a node costs the same however many there are."""

    everywhere: Properties = field(default_factory=dict)
    by_shape: dict[str, Properties] = field(default_factory=dict)
    by_class: dict[str, Properties] = field(default_factory=dict)
    by_id: dict[str, Properties] = field(default_factory=dict)

    def values_of(self, key: str) -> Iterable[str]:
        """Everything that the sheet says a property is, each value once, in the order of its rules."""
        named = (self.everywhere, *self.by_shape.values(), *self.by_class.values(), *self.by_id.values())
        said = sorted((rule, value) for properties in named if key in properties for value, rule in [properties[key]])
        return dict.fromkeys(value for _, value in said)

    def properties_of(self, node: StyledNode) -> Mapping[str, str]:
        """What the sheet says of a node: the more specific selector wins, among equals the later rule."""
        of_classes: Properties = {}
        for name in node.classes:
            for key, (value, rule) in self.by_class.get(name, {}).items():
                if key not in of_classes or of_classes[key][1] < rule:
                    of_classes[key] = (value, rule)
        of_shape = self.by_shape.get(effective_shape(node.attrs), {})
        merged = self.everywhere | of_shape | of_classes | self.by_id.get(node.id, {})
        return {key: merged[key][0] for key in PROPERTIES if key in merged}


def parse_stylesheet(text: str) -> Stylesheet:
    """The rules in a text. Raises `StylesheetError`."""
    return _Parser(text).sheet()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def sheet(self) -> Stylesheet:
        sheet = Stylesheet()
        number = 0
        self._skip()
        while self._at < len(self._text):
            selected = self._selected(sheet)
            for key, value in self._block():
                selected[key] = (value, number)
            number += 1
            self._skip()
        return sheet

    def _selected(self, sheet: Stylesheet) -> Properties:
        """The properties of what the selector here selects."""
        match = _SELECTOR.match(self._text, self._at)
        if match is None:
            raise self._expected("a selector: *, a shape, .class or #id")
        self._at = match.end()
        if match["any"]:
            return sheet.everywhere
        named = {"shape": sheet.by_shape, "class": sheet.by_class, "id": sheet.by_id}[str(match.lastgroup)]
        return named.setdefault(match[str(match.lastgroup)], {})

    def _block(self) -> Iterable[tuple[str, str]]:
        """The declarations in braces that have an effect."""
        self._take("{")
        declarations = []
        while not self._found("}"):
            if self._found(";"):
                continue
            match = _PROPERTY.match(self._text, self._at)
            if match is None:
                raise self._expected('a property or "}"')
            self._at = match.end()
            self._take(":")
            declarations.append((match[0], self._value()))
        return [each for each in declarations if each[0] in PROPERTIES]

    def _value(self) -> str:
        self._skip()
        match = _VALUE.match(self._text, self._at)
        value = match[0].strip(" \t\r\n") if match else ""
        if not value:
            raise self._expected("a value")
        self._at += len(match[0]) if match else 0
        if self._at == len(self._text):
            raise self._expected('";" or "}"')
        return value

    def _take(self, sign: str) -> None:
        if not self._found(sign):
            raise self._expected(f'"{sign}"')

    def _found(self, sign: str) -> bool:
        self._skip()
        if not self._text.startswith(sign, self._at):
            return False
        self._at += len(sign)
        return True

    def _skip(self) -> None:
        blanks = _BLANKS.match(self._text, self._at)
        self._at = blanks.end() if blanks else self._at
        if self._text.startswith("/*", self._at):
            raise StylesheetError(f"the comment is not closed: {self._rest()}")

    def _expected(self, what: str) -> StylesheetError:
        return StylesheetError(f"{what} is expected {self._rest()}")

    def _rest(self) -> str:
        rest = self._text[self._at : self._at + _LONGEST_SHOWN]
        return f'at "{rest}"' if rest else "at the end"
