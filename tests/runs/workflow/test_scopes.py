"""What the statements of a workflow file add up to: merging, defaults, classes, flattening (language.md L3, L4)."""

from __future__ import annotations

import json

import msgspec
import pytest

from fabro_core.models.graph import (
    GraphEdge,
    Integer,
    String,
)
from tests.runs.workflow.graphs import attrs, compiled_text, graph_of


def test_a_graph_serialises_as_the_specification_shows_it() -> None:
    workflow = compiled_text('digraph Deploy { graph [goal="Ship"] draft [timeout=15m, class="slow"] start -> draft }')
    assert json.loads(msgspec.json.encode(workflow.graph)) == {
        "name": "Deploy",
        "attrs": {"goal": {"String": "Ship"}},
        "nodes": {
            "draft": {
                "id": "draft",
                "attrs": {"timeout": {"Duration": 900000}, "class": {"String": "slow"}},
                "classes": ["slow"],
            }
        },
        "edges": [{"from": "start", "to": "draft", "attrs": {}}],
    }


def test_every_value_serialises_under_the_name_of_its_type() -> None:
    graph = graph_of('a [s="x", i=-1, f=.5, b=true, d=2h]')
    assert json.loads(msgspec.json.encode(graph.nodes["a"])) == {
        "id": "a",
        "attrs": {
            "s": {"String": "x"},
            "i": {"Integer": -1},
            "f": {"Float": 0.5},
            "b": {"Boolean": True},
            "d": {"Duration": 7200000},
        },
    }


def test_graph_attributes_come_from_both_spellings_and_the_later_wins() -> None:
    graph = graph_of('goal="one" graph [goal="two", x=1] y=2')
    assert graph.attrs == {"goal": String("two"), "x": Integer(1), "y": Integer(2)}
    assert graph.goal == "two"


def test_a_number_as_a_goal_is_its_text() -> None:
    assert graph_of("goal=42").goal == "42"


def test_repeated_node_statements_merge_and_later_values_win() -> None:
    assert attrs("a [x=1, y=1] b a [y=2, z=2]", "a") == {"x": Integer(1), "y": Integer(2), "z": Integer(2)}


def test_nodes_keep_the_order_of_their_first_statement() -> None:
    assert list(graph_of("c a b c -> a a").nodes) == ["c", "a", "b"]


def test_a_chain_is_one_edge_between_each_two_with_the_same_attributes() -> None:
    assert graph_of("a -> b -> c -> a [w=1]").edges == (
        GraphEdge(source="a", target="b", attrs={"w": Integer(1)}),
        GraphEdge(source="b", target="c", attrs={"w": Integer(1)}),
        GraphEdge(source="c", target="a", attrs={"w": Integer(1)}),
    )


def test_the_same_edge_twice_is_two_edges() -> None:
    assert len(graph_of("a -> b a -> b").edges) == 2


def test_an_edge_declares_no_node() -> None:
    assert graph_of("a -> b").nodes == {}


def test_defaults_apply_to_later_statements_only() -> None:
    body = "a node [x=1] b node [x=2, y=2] c"
    assert attrs(body, "a") == {}
    assert attrs(body, "b") == {"x": Integer(1)}
    assert attrs(body, "c") == {"x": Integer(2), "y": Integer(2)}


def test_edge_defaults_apply_to_later_edges_only() -> None:
    edges = graph_of("a -> b edge [w=1] b -> c [w=2] c -> d").edges
    assert [edge.attrs for edge in edges] == [{}, {"w": Integer(2)}, {"w": Integer(1)}]


@pytest.mark.parametrize(
    "body", ["node [x=1] a [x=2]", "a [x=2] node [x=1] a [y=3]", "a [x=2] subgraph { node [x=1] a }"]
)
def test_an_own_attribute_beats_a_default_whichever_came_first(body: str) -> None:
    assert attrs(body, "a")["x"] == Integer(2)


def test_defaults_of_a_subgraph_are_inherited_and_local() -> None:
    body = "node [x=1] subgraph s { a node [x=2, y=2] b subgraph t { node [z=3] c } d } e"
    assert attrs(body, "a") == {"x": Integer(1)}
    assert attrs(body, "b") == {"x": Integer(2), "y": Integer(2)}
    assert attrs(body, "c") == {"x": Integer(2), "y": Integer(2), "z": Integer(3)}
    assert attrs(body, "d") == {"x": Integer(2), "y": Integer(2)}
    assert attrs(body, "e") == {"x": Integer(1)}


@pytest.mark.parametrize(
    ("body", "inherited"),
    [
        ("a subgraph { node [x=2] a }", {}),
        ("node [x=1] a node [x=2, y=2] a", {"x": 1}),
        ("node [x=1] b -> a node [x=2] a", {"x": 1}),
        ("subgraph { node [x=1] a -> b } node [x=2] a", {"x": 1}),
        ("subgraph { node [x=1] subgraph { b -> a } } a", {"x": 1}),
        ("b -> c node [x=1] a", {"x": 1}),
    ],
)
def test_a_node_takes_the_defaults_of_its_first_mention_and_no_others(body: str, inherited: dict[str, int]) -> None:
    assert attrs(body, "a") == {key: Integer(value) for key, value in inherited.items()}


def test_a_subgraph_is_flattened_and_its_own_attributes_are_dropped() -> None:
    graph = graph_of('goal="g" subgraph s { goal="other" graph [x=1] label="L" a -> b }')
    assert graph.attrs == {"goal": String("g")}
    assert len(graph.edges) == 1


@pytest.mark.parametrize(
    ("attribute", "classes"),
    [
        ('class="slow"', ("slow",)),
        ("class=slow", ("slow",)),
        ('class=" a, b ,,c"', ("a", "b", "c")),
        ('class="a b\tc\nd"', ("a", "b", "c", "d")),
        ('class="b a b"', ("b", "a")),
        ('class=""', ()),
        ("class=5", ("5",)),
        ("x=1", ()),
    ],
)
def test_classes_are_the_class_attribute_split_at_white_space_and_commas(
    attribute: str, classes: tuple[str, ...]
) -> None:
    assert graph_of(f"a [{attribute}]").nodes["a"].classes == classes


@pytest.mark.parametrize(
    ("body", "classes"),
    [
        ("subgraph { label=x a }", ("x",)),
        ("subgraph { a label=x }", ("x",)),
        ("subgraph { graph [label=x] a }", ("x",)),
        ("subgraph { label=x label=y a }", ("x",)),
        ('subgraph { label="Loop A" a }', ("loop-a",)),
        ('subgraph { label="Ünit #2" a }', ("nit-2",)),
        ('subgraph { label="#" a }', ()),
        ("subgraph { label=x a [class=own] }", ("x", "own")),
        ("subgraph { label=x node [class=own] a }", ("x", "own")),
        ("a [class=own] subgraph { label=x a }", ("own", "x")),
        ("a subgraph { label=x a -> b }", ("x",)),
        ("subgraph { label=x b -> a } a [class=own]", ("x", "own")),
        ("a [class=one] a [class=two]", ("one", "two")),
        ("subgraph { label=x subgraph { a } }", ()),
        ("subgraph { label=x subgraph { label=y a } }", ("y",)),
        ("subgraph { label=x a } subgraph { label=y a }", ("x", "y")),
        ("label=x a", ()),
    ],
)
def test_the_label_of_a_subgraph_is_a_class_of_what_is_named_directly_in_it(
    body: str, classes: tuple[str, ...]
) -> None:
    assert graph_of(body).nodes["a"].classes == classes


def test_edge_defaults_of_a_subgraph_are_local() -> None:
    edges = graph_of("edge [w=1] subgraph { edge [x=2] a -> b } b -> c").edges
    assert [edge.attrs for edge in edges] == [{"w": Integer(1), "x": Integer(2)}, {"w": Integer(1)}]
