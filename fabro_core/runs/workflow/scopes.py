"""What the statements of a file add up to: merging, defaults, classes, flattening (language.md L3, L4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from fabro_core.models.graph import Attributes
from fabro_core.runs.workflow import attributes
from fabro_core.runs.workflow.attributes import Types, text_of, typed
from fabro_core.runs.workflow.draft import Budget, Draft, DraftEdge, DraftNode, Origin, TooLarge
from fabro_core.runs.workflow.source import Source
from fabro_core.runs.workflow.statements import (
    Attribute,
    AttributeStatement,
    Digraph,
    EdgeStatement,
    Name,
    NodeStatement,
    Statement,
    Subgraph,
)

TOO_LARGE = "the graph is too large once compiled"
_WORDS = re.compile(r"[^ \t\r\n,]+")


def draft_of(digraph: Digraph, budget: Budget) -> Draft:
    """The graph that the statements describe, before imports. Raises `WorkflowSyntaxError` when it is too large."""
    return _Merger(digraph, budget).draft()


def class_of_label(label: str) -> str:
    """The class that a label stands for: `Loop A` is `loop-a`. May be empty."""
    return re.sub(r"[^a-z0-9-]", "", label.lower().replace(" ", "-"))


@dataclass(slots=True)
class _Defaults:
    """The attributes that later statements of a scope inherit.

    Each scope has its own and looks through those around it, so that entering one costs nothing.
    """

    outer: _Defaults | None = None
    attrs: Attributes = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)

    def state(self, types: Types, source: Source, attributes: Iterable[Attribute]) -> None:
        """Let the attributes of a statement count from here on."""
        for key, value in attributes:
            self.attrs[key.text] = typed(types, key.text, value)
            self.origins[key.text] = Origin(source, key.at, value)

    def flat(self) -> tuple[Attributes, dict[str, Origin]]:
        """All that counts now, as new dictionaries."""
        if self.outer is None:
            return dict(self.attrs), dict(self.origins)
        attrs, origins = self.outer.flat()
        return attrs | self.attrs, origins | self.origins


@dataclass(slots=True)
class _Scope:
    node: _Defaults
    edge: _Defaults
    class_name: str = ""
    """Given to every node that a statement directly in this scope names; empty: none is."""

    def inner(self, class_name: str) -> _Scope:
        return _Scope(_Defaults(self.node), _Defaults(self.edge), class_name)


class _Merger:
    """The state of merging one file."""

    def __init__(self, digraph: Digraph, budget: Budget) -> None:
        self._digraph = digraph
        self._source = digraph.source
        self._budget = budget
        self._declared = frozenset(_declared(digraph.body))
        self._mentioned: dict[str, DraftNode] = {}
        """Declared nodes from their first mention on: that is when a node takes its defaults."""
        self._draft = Draft(source=digraph.source, name=digraph.name)

    def draft(self) -> Draft:
        graph = _Defaults(None, self._draft.attrs, self._draft.origins)
        for statement in self._digraph.body:
            if isinstance(statement, AttributeStatement) and statement.target == "graph":
                graph.state(attributes.GRAPH, self._source, statement.attributes)
        self._merge(self._digraph.body, _Scope(_Defaults(), _Defaults()))
        return self._draft

    def _merge(self, body: tuple[Statement, ...], scope: _Scope) -> None:
        """Merges the statements of one scope. Recursion is bounded: the grammar limits nesting."""
        for statement in body:
            match statement:
                case NodeStatement():
                    self._node(statement, scope)
                case EdgeStatement():
                    self._chain(statement, scope)
                case AttributeStatement(target="node"):
                    scope.node.state(attributes.NODE, self._source, statement.attributes)
                case AttributeStatement(target="edge"):
                    scope.edge.state(attributes.EDGE, self._source, statement.attributes)
                case Subgraph():
                    self._merge(statement.body, scope.inner(_class_of(statement)))
                case AttributeStatement():
                    pass  # of the graph: taken in `draft`; of a subgraph: dropped but for its label

    def _node(self, statement: NodeStatement, scope: _Scope) -> None:
        name = statement.node
        node = self._mention(name, scope.node)
        stated = {key.text for key, _ in statement.attributes}
        states_class = "class" in stated
        if name.text not in self._draft.nodes:
            states_class = True  # by a default, then
            node.origin = Origin(self._source, name.at)
            self._draft.nodes[name.text] = node
        for key, value in statement.attributes:
            node.set(key.text, typed(attributes.NODE, key.text, value), Origin(self._source, key.at, value))
        node.own |= stated
        self._spend(name, *(value.text for _, value in statement.attributes))
        self._classify(node, scope)
        if states_class:
            node.classes |= dict.fromkeys(_WORDS.findall(text_of(node.attrs, "class") or ""))

    def _chain(self, statement: EdgeStatement, scope: _Scope) -> None:
        edge = _Defaults(scope.edge)
        edge.state(attributes.EDGE, self._source, statement.attributes)
        attrs, origins = edge.flat()
        for name in statement.nodes:
            if name.text in self._declared:
                self._classify(self._mention(name, scope.node), scope)
        for source, target in pairwise(statement.nodes):
            self._spend(source, target.text, attrs=attrs)
            origin = Origin(self._source, source.at)
            self._draft.edges.append(DraftEdge(source.text, target.text, origin, attrs, origins))

    def _mention(self, name: Name, defaults: _Defaults) -> DraftNode:
        node = self._mentioned.get(name.text)
        if node is None:
            attrs, origins = defaults.flat()
            self._spend(name, attrs=attrs)
            node = DraftNode(name.text, Origin(self._source, name.at), attrs, origins)
            self._mentioned[name.text] = node
        return node

    def _classify(self, node: DraftNode, scope: _Scope) -> None:
        if scope.class_name:
            node.classes[scope.class_name] = None

    def _spend(self, name: Name, *texts: str, attrs: Attributes | None = None) -> None:
        try:
            self._budget.spend(name.text, *texts, attrs=attrs)
        except TooLarge:
            raise self._source.fault(name.at, TOO_LARGE) from None


def _declared(body: tuple[Statement, ...]) -> Iterator[str]:
    for statement in body:
        if isinstance(statement, NodeStatement):
            yield statement.node.text
        elif isinstance(statement, Subgraph):
            yield from _declared(statement.body)


def _class_of(subgraph: Subgraph) -> str:
    """The class that the first label of a subgraph gives; a nested one has to say its own."""
    labels = (
        value.text
        for statement in subgraph.body
        if isinstance(statement, AttributeStatement) and statement.target == "graph"
        for key, value in statement.attributes
        if key.text == "label"
    )
    return class_of_label(next(labels, ""))
