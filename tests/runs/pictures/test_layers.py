"""Layers: edges lead onward, nothing covers anything, and bends are bounded (events.md E10)."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fabro_core.runs.pictures.layers import MAX_BENDS, Edge, layered
from fabro_core.runs.pictures.placing import GAP, LAYER_GAP, Box, Placement, place

_graphs = st.integers(1, 12).flatmap(
    lambda count: st.tuples(
        st.just(count), st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=30)
    )
)


def breadth(node: int) -> float:
    return 60.0 + 10 * (node % 3)


def placed(count: int, edges: list[Edge]) -> Placement:
    return place([Box(breadth(each), 40.0) for each in range(count)], edges, [LAYER_GAP] * len(edges))


@given(_graphs)
def test_every_node_has_one_place_and_every_edge_its_ends(graph: tuple[int, list[Edge]]) -> None:
    count, edges = graph
    layering = layered(count, edges)
    members = [each for layer in layering.layers for each in layer]
    assert len(members) == len(set(members))
    assert set(range(count)) <= set(members)
    assert [(chain[0], chain[-1]) for chain in layering.chains] == edges


@given(_graphs)
def test_an_edge_passes_through_every_layer_between_its_ends(graph: tuple[int, list[Edge]]) -> None:
    layering = layered(*graph)
    rank_of = {each: rank for rank, layer in enumerate(layering.layers) for each in layer}
    for chain in layering.chains:
        if chain[0] != chain[-1]:
            assert {abs(rank_of[one] - rank_of[other]) for one, other in pairwise(chain)} == {1}


@given(st.integers(2, 12), st.data())
def test_without_cycles_every_edge_leads_onward(count: int, data: st.DataObject) -> None:
    ends = st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True)
    edges = [(min(pair), max(pair)) for pair in data.draw(st.lists(ends, max_size=20))]
    places = placed(count, edges).nodes
    for source, target in edges:
        assert places[source][1] < places[target][1]


@given(_graphs)
def test_nodes_do_not_touch_and_stay_within_the_picture(graph: tuple[int, list[Edge]]) -> None:
    count, edges = graph
    placement = placed(count, edges)
    for node, (x, y) in enumerate(placement.nodes):
        assert -0.01 <= x - breadth(node) / 2 <= x + breadth(node) / 2 <= placement.size[0] + 0.01
        assert -0.01 <= y - 20 <= y + 20 <= placement.size[1] + 0.01
        for other, (other_x, other_y) in enumerate(placement.nodes[:node]):
            if y == other_y:
                assert abs(x - other_x) >= (breadth(node) + breadth(other)) / 2 + GAP - 0.01


def test_a_cycle_is_cut_where_it_comes_back_to_the_first_node() -> None:
    places = placed(3, [(0, 1), (1, 2), (2, 0)]).nodes
    assert places[0][1] < places[1][1] < places[2][1]


def test_crossings_that_can_be_avoided_are() -> None:
    layering = layered(5, [(0, 1), (0, 2), (1, 4), (2, 3)])
    places = {each: at for layer in layering.layers for at, each in enumerate(layer)}
    assert (places[1] < places[2]) == (places[4] < places[3])


def test_bends_are_bounded_and_edges_beyond_are_drawn_straight() -> None:
    count = 500
    edges = [(each, each + 1) for each in range(count - 1)] + [(0, each) for each in range(2, count)]
    layering = layered(count, edges)
    assert sum(len(chain) - 2 for chain in layering.chains) <= MAX_BENDS
    assert len(layering.chains[-1]) == 2
