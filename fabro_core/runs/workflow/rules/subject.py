"""What rules look at, and how they say what is wrong with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from fabro_core.models.graph import Attributes, Handler, Severity, WorkflowDiagnostic
from fabro_core.near import NearMatches
from fabro_core.runs.workflow.attributes import text_of
from fabro_core.runs.workflow.diagnostics import diagnostic
from fabro_core.runs.workflow.draft import Draft, DraftEdge, DraftNode, Origin
from fabro_core.runs.workflow.handlers import Roles


@dataclass(slots=True)
class Subject:
    """A graph after imports, texts and stylesheet."""

    draft: Draft
    roles: Roles
    outgoing: dict[str, list[DraftEdge]] = field(init=False)
    incoming: dict[str, list[DraftEdge]] = field(init=False)
    near: NearMatches = field(default_factory=NearMatches)

    def __post_init__(self) -> None:
        self.outgoing, self.incoming = defaultdict(list), defaultdict(list)
        for edge in self.draft.edges:
            self.outgoing[edge.source].append(edge)
            self.incoming[edge.target].append(edge)

    @property
    def nodes(self) -> Iterable[DraftNode]:
        return self.draft.nodes.values()

    @property
    def edges(self) -> Sequence[DraftEdge]:
        return self.draft.edges

    def handled_by(self, *handlers: Handler) -> Iterator[DraftNode]:
        """The nodes of which it is certain that one of these executes them."""
        return (node for node in self.nodes if self.handler(node.id) in handlers)

    def handler(self, node_id: str) -> Handler | None:
        """What executes a node; None when that is not certain, or there is no such node."""
        return self.roles.handlers[node_id] if node_id in self.roles.classified else None

    def meant(self, word: str, names: Iterable[str], otherwise: str) -> str:
        """Advice about a name that is not known."""
        near = self.near.of(word, names)
        return f'Did you mean "{near}"? {otherwise}' if near else otherwise


Rule = Callable[[Subject], Iterator[WorkflowDiagnostic]]


def of_node(
    node: DraftNode,
    rule: str,
    severity: Severity,
    message: str,
    *,
    key: str | None = None,
    fix: str | None = None,
    related: Iterable[tuple[str, Origin]] = (),
) -> WorkflowDiagnostic:
    """A fault of a node, at an attribute of it if `key` names one that was written."""
    origin = _at(node.origins, key) or node.origin
    return diagnostic(rule, severity, message, node_id=node.id, fix=fix, origin=origin, related=related)


def of_edge(
    edge: DraftEdge, rule: str, severity: Severity, message: str, *, key: str | None = None, fix: str | None = None
) -> WorkflowDiagnostic:
    """A fault of an edge."""
    origin = _at(edge.origins, key) or edge.origin
    return diagnostic(rule, severity, message, edge=(edge.source, edge.target), fix=fix, origin=origin)


def of_graph(
    draft: Draft, rule: str, severity: Severity, message: str, *, key: str | None = None, fix: str | None = None
) -> WorkflowDiagnostic:
    """A fault of the graph as a whole."""
    return diagnostic(rule, severity, message, fix=fix, origin=_at(draft.origins, key))


def shown(edge: DraftEdge) -> str:
    """The edge as messages show it."""
    return f'"{edge.source}" -> "{edge.target}"'


def has_condition(edge: DraftEdge) -> bool:
    """Whether the edge is taken under a condition only; a blank one is none."""
    return bool((text_of(edge.attrs, "condition") or "").strip(" \t\r\n"))


def is_blank(attrs: Attributes, key: str) -> bool:
    """Whether a text attribute is there and says nothing."""
    text = text_of(attrs, key)
    return text is not None and not text.strip()


def _at(origins: dict[str, Origin], key: str | None) -> Origin | None:
    return None if key is None else origins.get(key)
