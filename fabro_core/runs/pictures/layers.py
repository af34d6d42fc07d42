"""Puts the nodes of a graph into layers, so that edges lead onward (Sugiyama's method).

Cycles are cut where a walk from the first node meets its own way; each node then stands behind all that lead to it. In
a layer nodes are ordered by where their neighbours stand. All of it is deterministic, and bounded: an edge over many
layers bends around them only as long as there is room for more bends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

MAX_BENDS = 4_000
"""Points that long edges have in the layers between their ends, all edges together."""
MAX_STEPS = 400_000
"""About as many neighbours are looked at while layers are ordered; 500 nodes need a fraction."""
_SWEEPS = 12

Edge = tuple[int, int]
"""Numbers of nodes."""


@dataclass(frozen=True, slots=True)
class Layering:
    """Where everything stands. Nodes have their own numbers; bends come after them."""

    layers: list[list[int]]
    """Nodes and bends in order, layer by layer."""
    chains: list[list[int]]
    """For each edge its ends with the bends between them, from its source to its target."""
    links: list[Edge]
    """Neighbours in adjacent layers, the earlier one first."""


def layered(count: int, edges: Sequence[Edge]) -> Layering:
    """Layers for `count` nodes. An edge from a node to itself has both ends and nothing between them."""
    onward = _without_cycles(count, edges)
    ranks = _ranks(count, onward)
    members: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for node, rank in enumerate(ranks):
        members[rank].append(node)
    chains, bends = [], 0
    for (source, target), (first, last) in zip(edges, onward, strict=True):
        between = range(ranks[first] + 1, ranks[last])
        if bends + len(between) > MAX_BENDS:
            between = range(0)
        chain = [first, *range(count + bends, count + bends + len(between)), last]
        for rank, bend in zip(between, chain[1:], strict=False):
            members[rank].append(bend)
        bends += len(between)
        chains.append(chain if (source, target) == (first, last) else chain[::-1])
    rank_of = {each: rank for rank, layer in enumerate(members) for each in layer}
    links = [
        (one, other) if rank_of[one] < rank_of[other] else (other, one)
        for chain in chains
        for one, other in pairwise(chain)
        if abs(rank_of[one] - rank_of[other]) == 1
    ]
    return Layering(_ordered(members, links), chains, links)


def _without_cycles(count: int, edges: Sequence[Edge]) -> list[Edge]:
    """The edges, those turned round that lead back to where a walk from the first node came from."""
    leaving: defaultdict[int, list[int]] = defaultdict(list)
    for source, target in edges:
        leaving[source].append(target)
    done, on_the_way, back = set[int](), set[int](), set[Edge]()
    for root in range(count):
        ahead = [(root, iter(leaving[root]))] if root not in done else []
        on_the_way.update([root] if ahead else [])
        while ahead:
            node, targets = ahead[-1]
            for target in targets:
                if target in on_the_way:
                    back.add((node, target))
                elif target not in done:
                    on_the_way.add(target)
                    ahead.append((target, iter(leaving[target])))
                    break
            else:
                ahead.pop()
                on_the_way.discard(node)
                done.add(node)
    return [(target, source) if (source, target) in back else (source, target) for source, target in edges]


def _ranks(count: int, edges: Sequence[Edge]) -> list[int]:
    """The layer of each node: one behind the last of those that lead to it."""
    leaving: defaultdict[int, list[int]] = defaultdict(list)
    waiting = [0] * count
    for source, target in edges:
        if source != target:
            leaving[source].append(target)
            waiting[target] += 1
    ranks = [0] * count
    ahead = [node for node in range(count) if not waiting[node]]
    for node in ahead:
        for target in leaving[node]:
            ranks[target] = max(ranks[target], ranks[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ahead.append(target)
    return ranks


def _ordered(members: list[list[int]], links: Sequence[Edge]) -> list[list[int]]:
    """The layers, each ordered by where its neighbours stand on average, there and back until nothing gets better."""
    before: defaultdict[int, list[int]] = defaultdict(list)
    behind: defaultdict[int, list[int]] = defaultdict(list)
    for earlier, later in links:
        before[later].append(earlier)
        behind[earlier].append(later)
    layers = [list(layer) for layer in members]
    best, fewest = layers, _crossings(layers, behind)
    for sweep in range(min(_SWEEPS, MAX_STEPS // (len(links) + 1))):
        if not fewest:
            break
        neighbours, order = (before, layers) if sweep % 2 == 0 else (behind, layers[::-1])
        places = {each: place for layer in layers for place, each in enumerate(layer)}
        for layer in order:
            layer.sort(key=lambda each: _average([places[other] for other in neighbours[each]], places[each]))
            places.update({each: place for place, each in enumerate(layer)})
        crossings = _crossings(layers, behind)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best


def _average(places: Sequence[int], otherwise: int) -> float:
    return sum(places) / len(places) if places else float(otherwise)


def _crossings(layers: Sequence[Sequence[int]], behind: dict[int, list[int]]) -> int:
    """How often links cross, counted with a tree of sums (Barth, Jünger, Mutzel)."""
    total = 0
    for layer, following in pairwise(layers):
        places = {each: place for place, each in enumerate(following, start=1)}
        sums = [0] * (len(following) + 1)
        seen = 0
        for each in layer:
            targets = sorted(places[other] for other in behind.get(each, ()) if other in places)
            for place in targets:
                total += seen - _sum_up_to(sums, place)
            for place in targets:
                seen += 1
                while place < len(sums):
                    sums[place] += 1
                    place += place & -place
    return total


def _sum_up_to(sums: Sequence[int], place: int) -> int:
    total = 0
    while place:
        total += sums[place]
        place -= place & -place
    return total
