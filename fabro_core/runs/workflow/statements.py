"""The statements of a workflow file, as its grammar reads them and before anything is merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from fabro_core.errors import InvalidRequest
from fabro_core.models.graph import AttributeValue


class WorkflowSyntaxError(InvalidRequest):
    """The text is not a workflow graph (runs.md R8.4). `line` and `column` count from 1, columns in characters."""

    def __init__(self, path: str, line: int, column: int, reason: str) -> None:
        self.path, self.line, self.column, self.reason = path, line, column, reason
        super().__init__(f"{path}:{line}:{column}: {reason}")


class Position(NamedTuple):
    """A place in the text, counted from 1."""

    line: int
    column: int


class Name(NamedTuple):
    """An identifier with its quotes and escapes resolved."""

    text: str
    at: Position


class Attribute(NamedTuple):
    """`key=value`."""

    key: Name
    value: AttributeValue


@dataclass(frozen=True, slots=True)
class NodeStatement:
    """`id [..]`."""

    node: Name
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class EdgeStatement:
    """`a -> b -> c [..]`: one edge between each two neighbours, all with the same attributes."""

    nodes: tuple[Name, ...]
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class AttributeStatement:
    """`graph [..]` and `key=value` set attributes of the graph, `node [..]` and `edge [..]` set defaults."""

    target: Literal["graph", "node", "edge"]
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Subgraph:
    """`subgraph id { .. }`: a scope for defaults; its name means nothing."""

    body: tuple[Statement, ...]


Statement = NodeStatement | EdgeStatement | AttributeStatement | Subgraph


@dataclass(frozen=True, slots=True)
class Digraph:
    """A whole file."""

    name: str
    body: tuple[Statement, ...]
