"""Puts a graph in the place of a node that stands for it (language.md L8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fabro_core.models.graph import Attributes, String
from fabro_core.runs.workflow.attributes import text_of
from fabro_core.runs.workflow.draft import Budget, Draft, DraftEdge, DraftNode, Origin
from fabro_core.runs.workflow.edge_table import EdgeTable
from fabro_core.runs.workflow.scopes import class_of_label

PROPAGATED = (
    "model",
    "provider",
    "reasoning_effort",
    "speed",
    "backend",
    "acp.command",
    "acp.config",
    "fidelity",
    "max_retries",
    "thread_id",
)
"""Attributes of a placeholder that become defaults of the imported nodes."""
WITH_MEANING = ("condition", "label", "weight", "fidelity", "thread_id", "loop_restart", "freeform")
"""Attributes of edges that would get lost with a start, an exit or a bypass."""
_RETRY_TARGETS = ("retry_target", "fallback_retry_target")


class ImportFault(Exception):
    """Why a graph cannot be imported: a sentence without its full stop."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A file that was read, with its own imports in place."""

    draft: Draft
    start: str
    exit: str
    entry: str
    """The node that the start leads to; the exit in a graph without other nodes."""
    last: str
    """The node before the exit."""


class Splicer:
    """Takes placeholders out of a graph and puts other graphs in, at a cost that follows the edges that move."""

    def __init__(self, draft: Draft, budget: Budget) -> None:
        self._draft = draft
        self._budget = budget
        self.edges = EdgeTable(draft.edges)
        self._ids = set(draft.nodes)
        self._replaced: dict[str, list[DraftNode]] = {}

    def splice(self, placeholder: DraftNode, graph: Imported) -> None:
        """Put a graph in the place of a placeholder, or raise `ImportFault` and change nothing."""
        inner = [node for node in graph.draft.nodes.values() if node.id not in (graph.start, graph.exit)]
        taken = next((node.id for node in inner if f"{placeholder.id}.{node.id}" in self._ids), None)
        if taken is not None:
            raise ImportFault(f'the id "{placeholder.id}.{taken}" exists already')
        incoming, outgoing = self.edges.into(placeholder.id), self.edges.out_of(placeholder.id)
        if graph.entry == graph.exit:
            self._bypass(placeholder, incoming, outgoing)
            return
        self.edges.remove_all_of(placeholder.id)
        for edge in graph.draft.edges:
            if not {edge.source, edge.target} & {graph.start, graph.exit}:
                self._add(edge, f"{placeholder.id}.{edge.source}", f"{placeholder.id}.{edge.target}")
        for edge in incoming:
            self._add(edge, edge.source, f"{placeholder.id}.{graph.entry}")
        for edge in outgoing:
            self._add(edge, f"{placeholder.id}.{graph.last}", edge.target)
        self._replace(placeholder, [self._copy(node, placeholder) for node in inner])

    def finish(self) -> None:
        """Put the nodes in order, those of a graph in the place of its placeholder."""
        nodes = (each for node in self._draft.nodes.values() for each in self._replaced.get(node.id, [node]))
        self._draft.nodes = {node.id: node for node in nodes}
        self._draft.edges = self.edges.in_order()

    def _bypass(self, placeholder: DraftNode, incoming: list[DraftEdge], outgoing: list[DraftEdge]) -> None:
        """Join what leads to a graph that has no nodes with what leads on from it."""
        for edge in (*incoming, *outgoing):
            for key in WITH_MEANING:
                if key in edge.attrs:
                    ends = f'"{edge.source}" -> "{edge.target}"'
                    raise ImportFault(
                        f'the imported graph has no nodes, and the edge {ends} would lose its attribute "{key}"'
                    )
        self.edges.remove_all_of(placeholder.id)
        for before in incoming:
            for after in outgoing:
                self._add(DraftEdge("", "", before.origin), before.source, after.target)
        self._replace(placeholder, [])

    def _add(self, edge: DraftEdge, source: str, target: str) -> None:
        self._budget.spend(source, target, attrs=edge.attrs)
        self.edges.add(edge.between(source, target))

    def _replace(self, placeholder: DraftNode, nodes: list[DraftNode]) -> None:
        self._replaced[placeholder.id] = nodes
        self._ids.discard(placeholder.id)
        self._ids.update(node.id for node in nodes)

    def _copy(self, node: DraftNode, placeholder: DraftNode) -> DraftNode:
        passed_on = {key: placeholder.attrs[key] for key in PROPAGATED if key in placeholder.attrs}
        attrs: Attributes = passed_on | node.attrs
        for key in _RETRY_TARGETS:
            if (target := text_of(attrs, key)) is not None:
                attrs[key] = String(f"{placeholder.id}.{target}")
        node_id = f"{placeholder.id}.{node.id}"
        self._budget.spend(node_id, *node.classes, *placeholder.classes, attrs=attrs)
        class_of_id = class_of_label(placeholder.id)
        return DraftNode(
            id=node_id,
            origin=node.origin,
            attrs=attrs,
            origins=_of_keys(placeholder.origins, passed_on) | node.origins,
            own=node.own,
            classes=node.classes | placeholder.classes | ({class_of_id: None} if class_of_id else {}),
            prompt_is_final=True,
        )


def _of_keys(origins: dict[str, Origin], keys: Iterable[str]) -> dict[str, Origin]:
    return {key: origins[key] for key in keys if key in origins}
