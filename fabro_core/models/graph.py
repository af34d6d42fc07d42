"""A compiled workflow graph as it is stored and served (runs.md R8.4), and what is wrong with one (R8.5).

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
    """The `class` attribute split at commas."""


class GraphEdge(msgspec.Struct, frozen=True, kw_only=True):
    """A directed edge. Its ends need not be nodes of the graph: that is a rule of R8.5, not of the syntax."""

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


class WorkflowDiagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One broken graph rule."""

    rule: str
    severity: Literal["error", "warning", "info"]
    message: str
    node_id: str | None = None
    """The node at fault; None when it is an edge or the graph as a whole."""
    edge: tuple[str, str] | None = None
    """The ends of the edge at fault."""
    fix: str | None = None
    """What would mend it, as advice to the author."""
