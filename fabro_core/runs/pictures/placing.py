"""Gives layers their coordinates: nodes near their neighbours, none on top of another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from fabro_core.runs.pictures.layers import MAX_STEPS, Edge, Layering, layered

GAP = 24.0
"""Between neighbours in a layer."""
LAYER_GAP = 48.0
"""Between layers, at least."""
_ROUNDS = 8

Point = tuple[float, float]
"""Across the layers, then along them."""


@dataclass(frozen=True, slots=True)
class Box:
    """The size of a node: across the layers, then along them."""

    breadth: float
    depth: float


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a graph is drawn, in pixels from its corner."""

    nodes: list[Point]
    """The middle of each node."""
    routes: list[list[Point]]
    """For each edge where it begins, bends and ends; empty for one from a node to itself."""
    size: Point


def place(boxes: Sequence[Box], edges: Sequence[Edge], gaps: Sequence[float]) -> Placement:
    """Places for nodes of these sizes; `gaps` says for each edge what room it needs between layers."""
    layering = layered(len(boxes), edges)
    across = _across(layering, boxes)
    depths = [max((boxes[each].depth for each in layer if each < len(boxes)), default=0.0) for layer in layering.layers]
    along, depth = _along(layering, depths, gaps)
    left = min((at - _breadth(each, boxes) / 2 for each, at in across.items()), default=0.0)
    right = max((at + _breadth(each, boxes) / 2 for each, at in across.items()), default=0.0)
    points = {each: (at - left, along[each]) for each, at in across.items()}
    thickness = {each: depth for layer, depth in zip(layering.layers, depths, strict=True) for each in layer}
    return Placement(
        nodes=[points[node] for node in range(len(boxes))],
        routes=[_route(chain, points, boxes, thickness) for chain in layering.chains],
        size=(right - left, depth),
    )


def _breadth(each: int, boxes: Sequence[Box]) -> float:
    """Of a node, or of a bend."""
    return boxes[each].breadth if each < len(boxes) else 0.0


def _across(layering: Layering, boxes: Sequence[Box]) -> dict[int, float]:
    """Coordinates in the layers: each as near to its neighbours as the others let it, there and back."""
    before: defaultdict[int, list[int]] = defaultdict(list)
    behind: defaultdict[int, list[int]] = defaultdict(list)
    for earlier, later in layering.links:
        before[later].append(earlier)
        behind[earlier].append(later)
    offsets = [_offsets(layer, boxes) for layer in layering.layers]
    places = {
        each: offset - own[-1] / 2
        for layer, own in zip(layering.layers, offsets, strict=True)
        for each, offset in zip(layer, own, strict=True)
    }
    rows = list(zip(layering.layers, offsets, strict=True))
    for turn in range(min(_ROUNDS, MAX_STEPS // (len(layering.links) + 1))):
        neighbours = before if turn % 2 == 0 else behind
        for layer, own in rows if turn % 2 == 0 else rows[::-1]:
            wanted = [
                sum(places[other] for other in near) / len(near) if (near := neighbours[each]) else places[each]
                for each in layer
            ]
            places.update(zip(layer, _spread(wanted, own), strict=True))
    return places


def _offsets(layer: Sequence[int], boxes: Sequence[Box]) -> list[float]:
    """How far each has to stand from the first of its layer, at least."""
    offsets, at = [], 0.0
    for index, each in enumerate(layer):
        if index:
            at += (_breadth(layer[index - 1], boxes) + _breadth(each, boxes)) / 2 + GAP
        offsets.append(at)
    return offsets


def _spread(wanted: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """The places nearest to the wanted ones (least squares) that keep the order and the distances.

    Without the distances this is a monotone regression, which pooling neighbours that are in each other's way solves.
    """
    pools: list[tuple[float, int]] = []
    for place, offset in zip(wanted, offsets, strict=True):
        total, size = place - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / size:
            before = pools.pop()
            total, size = total + before[0], size + before[1]
        pools.append((total, size))
    pooled = [total / size for total, size in pools for _ in range(size)]
    return [place + offset for place, offset in zip(pooled, offsets, strict=True)]


def _along(layering: Layering, depths: Sequence[float], gaps: Sequence[float]) -> tuple[dict[int, float], float]:
    """Coordinates along the layers, and where the last one ends."""
    rank_of = {each: rank for rank, layer in enumerate(layering.layers) for each in layer}
    room = [LAYER_GAP] * len(layering.layers)
    for chain, gap in zip(layering.chains, gaps, strict=True):
        first = min(rank_of[chain[0]], rank_of[chain[-1]])
        if chain[0] != chain[-1]:
            room[first] = max(room[first], gap)
    along: dict[int, float] = {}
    at = 0.0
    for layer, depth, gap in zip(layering.layers, depths, room, strict=True):
        along |= dict.fromkeys(layer, at + depth / 2)
        at += depth + gap
    return along, max(at - (room[-1] if room else 0.0), 0.0)


def _route(
    chain: Sequence[int], points: dict[int, Point], boxes: Sequence[Box], thickness: dict[int, float]
) -> list[Point]:
    """From the edge of one node to that of the other, straight through the layers between them."""
    if chain[0] == chain[-1]:
        return []
    (first, begin), (last, end) = points[chain[0]], points[chain[-1]]
    onward = 1 if end > begin else -1
    bends = [
        (points[bend][0], points[bend][1] + side * onward * thickness[bend] / 2)
        for bend in chain[1:-1]
        for side in (-1, 1)
    ]
    begin += onward * boxes[chain[0]].depth / 2
    end -= onward * boxes[chain[-1]].depth / 2
    return [(first, begin), *bends, (last, end)]
