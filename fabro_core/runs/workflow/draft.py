"""A graph in the making: what the finished one has, and where each piece of it was written.

Compiling changes it step by step; rules read it to say where in which file something is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from fabro_core.models.graph import Attributes, AttributeValue, String
from fabro_core.runs.workflow.source import Source
from fabro_core.runs.workflow.statements import Value

MAX_COMPILED_CHARS = 4 * 1024 * 1024
"""Bounds the compiled graph: a default, a chain or an import repeats its attributes, so a small text could mean a huge
graph."""
_CHARS_PER_ITEM = 24
"""What the JSON of an attribute, a node or an edge needs besides its texts."""


class Origin(NamedTuple):
    """Where something was written."""

    source: Source
    at: int
    """Offset of a statement, or of an attribute's key."""
    value: Value | None = None
    """The value of the attribute."""


class TooLarge(Exception):
    """The compiled graph would exceed its bound."""


class Budget:
    """What is left of the bound on a compiled graph, in characters."""

    def __init__(self, chars: int = MAX_COMPILED_CHARS) -> None:
        self._left = chars

    def spend(self, *texts: str, attrs: Attributes | None = None, times: int = 1) -> None:
        """Count a node or an edge with its ids and attributes. Raises `TooLarge`."""
        self._left -= times * (sum(map(len, texts)) + _CHARS_PER_ITEM + (chars_of(attrs) if attrs else 0))
        if self._left < 0:
            raise TooLarge


@dataclass(slots=True)
class DraftNode:
    """A node, with the file that declares it."""

    id: str
    origin: Origin
    attrs: Attributes = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    """Of the attributes; one that no file states has none."""
    own: set[str] = field(default_factory=set)
    """Names of attributes that its statements state; the others come from defaults."""
    classes: dict[str, None] = field(default_factory=dict)
    """In order, without duplicates."""
    prompt_is_final: bool = False
    """An imported node's prompt is read beside the file that it was imported from, before it is spliced in."""

    def set(self, key: str, value: AttributeValue, origin: Origin) -> None:
        self.attrs[key] = value
        self.origins[key] = origin

    @property
    def is_placeholder(self) -> bool:
        """It stands for an imported graph; in a finished graph: for one that could not be imported (L8)."""
        return "import" in self.attrs


@dataclass(slots=True)
class DraftEdge:
    """An edge; its ends need not be declared."""

    source: str
    target: str
    origin: Origin
    attrs: Attributes = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)

    def between(self, source: str, target: str) -> DraftEdge:
        """The same edge with other ends."""
        return DraftEdge(source, target, self.origin, self.attrs, self.origins)


class Unresolved(NamedTuple):
    """A reference to a file that is not there (L9)."""

    node_id: str | None
    """Whose prompt refers to it; None: the goal does."""
    reference: str


@dataclass(slots=True)
class Draft:
    """A graph with everything that is known of it so far."""

    source: Source
    name: str
    attrs: Attributes = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    nodes: dict[str, DraftNode] = field(default_factory=dict)
    """By id, in the order of their first statements."""
    edges: list[DraftEdge] = field(default_factory=list)
    unresolved: list[Unresolved] = field(default_factory=list)


def chars_of(attrs: Attributes) -> int:
    """About the length of attributes as JSON."""
    return sum(len(key) + _CHARS_PER_ITEM + _text_length(value) for key, value in attrs.items())


def _text_length(value: AttributeValue) -> int:
    return len(value.value) if isinstance(value, String) else 0
