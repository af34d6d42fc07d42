"""The statements of a workflow file, as its grammar reads them and before anything is merged (language.md L2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from fabro_core.runs.workflow.source import Source


class Name(NamedTuple):
    """An identifier with its quotes and escapes resolved."""

    text: str
    at: int
    """Offset in the source."""


class Value(NamedTuple):
    """What stands behind `key=`, not typed yet: what it means depends on the attribute (L5.1)."""

    text: str
    """Quotes and escapes resolved."""
    quoted: bool
    at: int
    """Offset in the source, of the quote if there is one."""


class Attribute(NamedTuple):
    """`key=value`."""

    key: Name
    value: Value


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
    """`subgraph id { .. }`: a scope for defaults; its name means nothing, its label is a class."""

    body: tuple[Statement, ...]


Statement = NodeStatement | EdgeStatement | AttributeStatement | Subgraph


@dataclass(frozen=True, slots=True)
class Digraph:
    """A whole file."""

    source: Source
    name: str
    body: tuple[Statement, ...]
