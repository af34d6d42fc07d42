"""A compiled workflow graph as it is stored and served (runs.md R8.4), and what is wrong with one (language.md L13).

How a graph comes to be is the business of `fabro_core.runs.workflow`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec


class String(msgspec.Struct, frozen=True):
    """A text, quoted or a bare word."""

    value: str = msgspec.field(name="String")


class Integer(msgspec.Struct, frozen=True):
    """A whole number of at most 64 bits."""

    value: int = msgspec.field(name="Integer")


class Float(msgspec.Struct, frozen=True):
    """A finite number with a fraction."""

    value: float = msgspec.field(name="Float")


class Boolean(msgspec.Struct, frozen=True):
    """`true` or `false`."""

    value: bool = msgspec.field(name="Boolean")


class Duration(msgspec.Struct, frozen=True):
    """A length of time."""

    milliseconds: int = msgspec.field(name="Duration")


AttributeValue = String | Integer | Float | Boolean | Duration
Attributes = dict[str, AttributeValue]


class GraphNode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A node with its own attributes laid over the defaults of its scopes."""

    id: str
    attrs: Attributes
    classes: tuple[str, ...] = ()
    """In the order in which statements gave them (language.md L4)."""


class GraphEdge(msgspec.Struct, frozen=True, kw_only=True):
    """A directed edge. Its ends need not be nodes of the graph: that is a rule, not the syntax."""

    source: str = msgspec.field(name="from")
    target: str = msgspec.field(name="to")
    attrs: Attributes


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """The graph of a workflow: merged, with defaults applied and subgraphs flattened."""

    name: str
    attrs: Attributes
    nodes: dict[str, GraphNode]
    """By id, in the order of their first statement."""
    edges: tuple[GraphEdge, ...]

    @property
    def goal(self) -> str:
        """The goal that the graph states; empty when it states none."""
        goal = self.attrs.get("goal")
        return goal.value if isinstance(goal, String) else ""


_TYPES = {"String": String, "Integer": Integer, "Float": Float, "Boolean": Boolean, "Duration": Duration}

_Stored = dict[str, dict[str, str | int | float | bool]]
"""Attributes in JSON: each an object with one member, named by its type."""


class _StoredNode(msgspec.Struct, frozen=True):
    id: str
    attrs: _Stored
    classes: tuple[str, ...] = ()


class _StoredEdge(msgspec.Struct, frozen=True):
    source: str = msgspec.field(name="from")
    target: str = msgspec.field(name="to")
    attrs: _Stored


class _StoredGraph(msgspec.Struct, frozen=True):
    name: str
    attrs: _Stored
    nodes: dict[str, _StoredNode]
    edges: tuple[_StoredEdge, ...]


def decode_graph(stored: bytes) -> Graph:
    """The graph that was stored as this JSON. Raises `msgspec.ValidationError` for what is none."""
    graph = msgspec.json.decode(stored, type=_StoredGraph)
    return Graph(
        name=graph.name,
        attrs=_attributes(graph.attrs),
        nodes={
            node_id: GraphNode(id=node.id, attrs=_attributes(node.attrs), classes=node.classes)
            for node_id, node in graph.nodes.items()
        },
        edges=tuple(
            GraphEdge(source=edge.source, target=edge.target, attrs=_attributes(edge.attrs)) for edge in graph.edges
        ),
    )


def _attributes(stored: _Stored) -> Attributes:
    """Members of types that this release does not know are left out."""
    return {
        key: msgspec.convert(typed, _TYPES[kind]) for key, typed in stored.items() for kind in typed if kind in _TYPES
    }


class Handler(StrEnum):
    """What executes a node. The values are those of the API."""

    START = "start"
    EXIT = "exit"
    AGENT = "agent"
    PROMPT = "prompt"
    COMMAND = "command"
    HUMAN = "human"
    CONDITIONAL = "conditional"
    PARALLEL = "parallel"
    PARALLEL_FAN_IN = "parallel.fan_in"
    STACK_MANAGER_LOOP = "stack.manager_loop"
    WAIT = "wait"


Severity = Literal["error", "warning", "info"]


class RelatedWorkflowDiagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """A further place that belongs to what is wrong."""

    message: str
    source_path: str
    line: int
    column: int


class WorkflowDiagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One broken rule of the workflow language (language.md L13)."""

    rule: str
    severity: Severity
    message: str
    node_id: str | None = None
    """The node at fault; None when it is an edge or the graph as a whole. An edge end that is not declared is told
    with its edge."""
    edge: tuple[str, str] | None = None
    """The ends of the edge at fault."""
    fix: str | None = None
    """What would mend it, as advice to the author."""
    source_path: str | msgspec.UnsetType = msgspec.UNSET
    """The file at fault, by the normal form of its key in the manifest; unset when no file states what is wrong."""
    line: int | msgspec.UnsetType = msgspec.UNSET
    """In that file, from 1."""
    column: int | msgspec.UnsetType = msgspec.UNSET
    """In that line, in characters from 1."""
    span_start: int | msgspec.UnsetType = msgspec.UNSET
    """Where the attribute or the name at fault begins in that file, in characters from 0, as columns count them."""
    span_len: int | msgspec.UnsetType = msgspec.UNSET
    """How many characters it has there."""
    related: tuple[RelatedWorkflowDiagnostic, ...] | msgspec.UnsetType = msgspec.UNSET
