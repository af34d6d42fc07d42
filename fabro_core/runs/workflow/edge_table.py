"""Edges that can be found by their ends and taken out, in an order that stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from fabro_core.runs.workflow.draft import DraftEdge


class EdgeTable:
    """Edges by their ends. Finding, adding and removing costs what is found, added and removed."""

    def __init__(self, edges: Iterable[DraftEdge]) -> None:
        self._edges: dict[int, DraftEdge] = {}
        self._by_end: defaultdict[str, dict[int, None]] = defaultdict(dict)
        self._added = 0
        for edge in edges:
            self.add(edge)

    def add(self, edge: DraftEdge) -> None:
        """Put an edge behind all others."""
        self._added += 1
        self._edges[self._added] = edge
        for end in (edge.source, edge.target):
            self._by_end[end][self._added] = None

    def of(self, node_id: str) -> list[DraftEdge]:
        """The edges that begin or end at a node, in order."""
        return [self._edges[number] for number in self._by_end.get(node_id, ())]

    def into(self, node_id: str) -> list[DraftEdge]:
        return [edge for edge in self.of(node_id) if edge.target == node_id]

    def out_of(self, node_id: str) -> list[DraftEdge]:
        return [edge for edge in self.of(node_id) if edge.source == node_id]

    def remove_all_of(self, node_id: str) -> None:
        """Take out the edges that begin or end at a node."""
        for number in self._by_end.pop(node_id, ()):
            edge = self._edges.pop(number)
            for end in {edge.source, edge.target} - {node_id}:
                del self._by_end[end][number]

    def in_order(self) -> list[DraftEdge]:
        return list(self._edges.values())
