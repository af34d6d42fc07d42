"""Compiles the text of a workflow file to its graph: merging, defaults, flattening (runs.md R8.4).

What the graph must look like to be run is not decided here but in `fabro_core.runs.workflow.rules`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from fabro_core.models.graph import Attributes, AttributeValue, Graph, GraphEdge, GraphNode, Handler, String
from fabro_core.runs.workflow.handlers import handler_of
from fabro_core.runs.workflow.statements import (
    Attribute,
    AttributeStatement,
    Digraph,
    EdgeStatement,
    Name,
    NodeStatement,
    Position,
    Statement,
    Subgraph,
    WorkflowSyntaxError,
)

MAX_COMPILED_CHARS = 4 * 1024 * 1024
"""Bounds the compiled graph: a default or a chain repeats its attributes, so a small text could mean a huge graph."""
_CHARS_PER_ATTRIBUTE = 24
"""What the JSON of an attribute needs besides its key and text."""

REMEMBERED_WORKFLOWS = 64
"""Most runs are of a workflow that was run before, and compiling it is most of what creating a run costs."""
REMEMBERED_SOURCE_CHARS = 32 * 1024


class CompiledWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """A graph and what its text said beyond it."""

    graph: Graph
    handlers: Mapping[str, Handler]
    """What executes each node, by node id. Depends on which statement set a shape, which the graph does not keep."""
    path: str
    """Of the workflow file."""


def compile_workflow(source: str, path: str) -> CompiledWorkflow:
    """The graph that the workflow file `path` describes. Raises `WorkflowSyntaxError`.

    The graph may be shared with other callers: build a new one rather than change it.
    """
    if len(source) <= REMEMBERED_SOURCE_CHARS:
        return _remembered(source, path)
    return _compiled(source, path)


def _compiled(source: str, path: str) -> CompiledWorkflow:
    # Loading the parser library takes longer than the rest of a start (see the module).
    from fabro_core.runs.workflow.grammar import parse

    digraph = parse(source, path)
    return _Compiler(path).compile(digraph)


_remembered = lru_cache(maxsize=REMEMBERED_WORKFLOWS)(_compiled)


@dataclass(slots=True)
class _Defaults:
    """The attributes that statements of a scope inherit, and how many characters they come to."""

    attrs: Attributes = field(default_factory=dict)
    chars: int = 0

    def overlaid(self, attributes: Iterable[Attribute]) -> _Defaults:
        attrs = self.attrs | _mapping(attributes)
        return _Defaults(attrs, _chars(attrs))


@dataclass(slots=True)
class _Scope:
    node: _Defaults = field(default_factory=_Defaults)
    edge: _Defaults = field(default_factory=_Defaults)


@dataclass(slots=True)
class _Node:
    """A node in the making. What its own statements say beats every default, whichever came first."""

    own: Attributes = field(default_factory=dict)
    inherited: Attributes = field(default_factory=dict)


class _Compiler:
    """The state of one compilation."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._attrs: Attributes = {}
        self._nodes: dict[str, _Node] = {}
        self._edges: list[GraphEdge] = []
        self._chars_left = MAX_COMPILED_CHARS

    def compile(self, digraph: Digraph) -> CompiledWorkflow:
        for statement in digraph.body:
            if isinstance(statement, AttributeStatement) and statement.target == "graph":
                self._attrs |= _mapping(statement.attributes)
        self._compile_scope(digraph.body, _Scope())
        graph = Graph(
            name=digraph.name,
            attrs=self._attrs,
            nodes={node_id: _graph_node(node_id, node) for node_id, node in self._nodes.items()},
            edges=tuple(self._edges),
        )
        handlers = {
            node_id: handler_of(node_id, own=node.own, inherited=node.inherited)
            for node_id, node in self._nodes.items()
        }
        return CompiledWorkflow(graph=graph, handlers=handlers, path=self._path)

    def _compile_scope(self, body: tuple[Statement, ...], scope: _Scope) -> None:
        """Compiles the statements of one scope. Recursion is bounded: the grammar limits nesting."""
        for statement in body:
            match statement:
                case NodeStatement():
                    self._node(statement, scope.node)
                case EdgeStatement():
                    self._chain(statement, scope.edge)
                case AttributeStatement(target="node"):
                    self._refuse_import(statement.attributes)
                    scope.node = scope.node.overlaid(statement.attributes)
                case AttributeStatement(target="edge"):
                    scope.edge = scope.edge.overlaid(statement.attributes)
                case Subgraph():
                    self._compile_scope(statement.body, _Scope(scope.node, scope.edge))
                case AttributeStatement():
                    pass  # of the graph: taken in `compile`; of a subgraph: dropped (R8.4)

    def _node(self, statement: NodeStatement, defaults: _Defaults) -> None:
        self._refuse_import(statement.attributes)
        own = _mapping(statement.attributes)
        self._spend(statement.node, len(statement.node.text) + defaults.chars + _chars(own))
        node = self._nodes.setdefault(statement.node.text, _Node())
        node.inherited |= defaults.attrs
        node.own |= own

    def _chain(self, statement: EdgeStatement, defaults: _Defaults) -> None:
        attrs = defaults.attrs | _mapping(statement.attributes)
        chars = _chars(attrs)
        for source, target in zip(statement.nodes, statement.nodes[1:], strict=False):
            self._spend(target, len(source.text) + len(target.text) + chars)
            self._edges.append(GraphEdge(source=source.text, target=target.text, attrs=attrs))

    def _refuse_import(self, attributes: Iterable[Attribute]) -> None:
        """Graphs of other files are not spliced in by this server."""
        for key, _ in attributes:
            if key.text == "import":
                self._fail(key.at, "imports are not supported by this server")

    def _spend(self, name: Name, chars: int) -> None:
        self._chars_left -= chars
        if self._chars_left < 0:
            self._fail(name.at, f"the graph is too large: more than {MAX_COMPILED_CHARS} characters once compiled")

    def _fail(self, at: Position, reason: str) -> None:
        raise WorkflowSyntaxError(self._path, at.line, at.column, reason)


def _mapping(attributes: Iterable[Attribute]) -> Attributes:
    return {key.text: value for key, value in attributes}


def _chars(attrs: Attributes) -> int:
    return sum(len(key) + _text_length(value) + _CHARS_PER_ATTRIBUTE for key, value in attrs.items())


def _text_length(value: AttributeValue) -> int:
    return len(value.value) if isinstance(value, String) else 0


def _graph_node(node_id: str, node: _Node) -> GraphNode:
    attrs = node.inherited | node.own
    return GraphNode(id=node_id, attrs=attrs, classes=_classes(attrs))


def _classes(attrs: Attributes) -> tuple[str, ...]:
    value = attrs.get("class")
    if not isinstance(value, String):
        return ()
    return tuple(name for part in value.value.split(",") if (name := part.strip()))
