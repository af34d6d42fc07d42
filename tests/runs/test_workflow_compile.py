"""What a workflow file means: merging, defaults, flattening, handlers (runs.md R8.4)."""

from __future__ import annotations

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.models.graph import (
    Attributes,
    AttributeValue,
    Boolean,
    Duration,
    Float,
    Graph,
    GraphEdge,
    GraphNode,
    Handler,
    Integer,
    String,
)
from fabro_core.runs.workflow.compile import CompiledWorkflow, compile_workflow


def compiled(body: str) -> CompiledWorkflow:
    return compile_workflow(f"digraph D {{ {body} }}", "w.fabro")


def attrs(body: str, node_id: str) -> Attributes:
    return compiled(body).graph.nodes[node_id].attrs


def test_a_graph_serialises_as_the_specification_shows_it() -> None:
    workflow = compile_workflow(
        'digraph Deploy { graph [goal="Ship"] draft [timeout=15m, class="slow"] start -> draft }', "w.fabro"
    )
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
    graph = compiled('a [s="x", i=-1, f=.5, b=true, d=2h]').graph
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
    graph = compiled('goal="one" graph [goal="two", x=1] y=2').graph
    assert graph.attrs == {"goal": String("two"), "x": Integer(1), "y": Integer(2)}
    assert graph.goal == "two"


def test_a_goal_that_is_no_text_is_no_goal() -> None:
    assert compiled("goal=42").graph.goal == ""


def test_repeated_node_statements_merge_and_later_values_win() -> None:
    assert attrs("a [x=1, y=1] b a [y=2, z=2]", "a") == {"x": Integer(1), "y": Integer(2), "z": Integer(2)}


def test_nodes_keep_the_order_of_their_first_statement() -> None:
    assert list(compiled("c a b c -> a a").graph.nodes) == ["c", "a", "b"]


def test_a_chain_is_one_edge_between_each_two_with_the_same_attributes() -> None:
    assert compiled("a -> b -> c -> a [w=1]").graph.edges == (
        GraphEdge(source="a", target="b", attrs={"w": Integer(1)}),
        GraphEdge(source="b", target="c", attrs={"w": Integer(1)}),
        GraphEdge(source="c", target="a", attrs={"w": Integer(1)}),
    )


def test_the_same_edge_twice_is_two_edges() -> None:
    assert len(compiled("a -> b a -> b").graph.edges) == 2


def test_an_edge_declares_no_node() -> None:
    assert compiled("a -> b").graph.nodes == {}


def test_defaults_apply_to_later_statements_only() -> None:
    body = "a node [x=1] b node [x=2, y=2] c"
    assert attrs(body, "a") == {}
    assert attrs(body, "b") == {"x": Integer(1)}
    assert attrs(body, "c") == {"x": Integer(2), "y": Integer(2)}


def test_edge_defaults_apply_to_later_edges_only() -> None:
    edges = compiled("a -> b edge [w=1] b -> c [w=2] c -> d").graph.edges
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


def test_a_node_mentioned_in_a_subgraph_inherits_its_defaults() -> None:
    assert attrs("a [x=1] subgraph { node [y=2] a }", "a") == {"x": Integer(1), "y": Integer(2)}


def test_a_subgraph_is_flattened_and_its_own_attributes_are_dropped() -> None:
    graph = compiled('goal="g" subgraph s { goal="other" graph [x=1] label="L" a -> b }').graph
    assert graph.attrs == {"goal": String("g")}
    assert len(graph.edges) == 1


@pytest.mark.parametrize(
    ("attribute", "classes"),
    [
        ('class="slow"', ("slow",)),
        ("class=slow", ("slow",)),
        ('class=" a, b ,,c"', ("a", "b", "c")),
        ('class=""', ()),
        ("class=5", ()),
        ("x=1", ()),
    ],
)
def test_classes_are_the_class_attribute_split_at_commas(attribute: str, classes: tuple[str, ...]) -> None:
    assert compiled(f"a [{attribute}]").graph.nodes["a"].classes == classes


@pytest.mark.parametrize(
    ("shape", "handler"),
    [
        ("Mdiamond", "start"),
        ("Msquare", "exit"),
        ("box", "agent"),
        ("tab", "prompt"),
        ("hexagon", "human"),
        ("diamond", "conditional"),
        ("component", "parallel"),
        ("tripleoctagon", "parallel.fan_in"),
        ("parallelogram", "command"),
        ("house", "stack.manager_loop"),
        ("insulator", "wait"),
        ("circle", "agent"),
        ("Box", "agent"),
    ],
)
def test_a_shape_stands_for_a_handler(shape: str, handler: str) -> None:
    assert compiled(f"a [shape={shape}]").handlers == {"a": handler}
    assert compiled(f"node [shape={shape}] a").handlers == {"a": handler}


@pytest.mark.parametrize(
    ("body", "handler"),
    [
        # a known type decides against everything else
        ("start [type=human, shape=box, script=x]", "human"),
        ("start [type=tool]", "command"),
        ("node [type=wait] start [shape=box]", "wait"),
        ('a [type="parallel.fan_in"]', "parallel.fan_in"),
        # an unknown one says nothing
        ("a [type=robot, shape=hexagon]", "human"),
        ("a [type=5, script=x]", "command"),
        # then the node's own shape
        ("start [shape=hexagon, script=x]", "human"),
        ("start [shape=unknown, script=x]", "agent"),
        ("node [shape=hexagon] a [shape=tab]", "prompt"),
        ("a [shape=tab] node [shape=hexagon] a", "prompt"),
        # then a script
        ("start [script=x]", "command"),
        ("node [shape=hexagon] a [script=x]", "command"),
        ("node [script=x, shape=hexagon] a", "command"),
        # then the id
        ("node [shape=hexagon] start", "start"),
        ("Start", "start"),
        ("exit", "exit"),
        ("Exit", "exit"),
        ("end", "exit"),
        ("End", "exit"),
        ("START", "agent"),
        # then a default shape
        ("node [shape=hexagon] a", "human"),
        ("a", "agent"),
    ],
)
def test_the_first_thing_that_names_a_handler_decides(body: str, handler: str) -> None:
    assert list(compiled(body).handlers.values()) == [Handler(handler)]


# -- a printed graph reads back as itself -----------------------------------------------------------------------


_BARE_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_KEYWORDS = {"digraph", "graph", "node", "edge", "subgraph", "strict"}


def printed(graph: Graph) -> str:
    lines = [f"{_id(key)} = {_value(value)};" for key, value in graph.attrs.items()]
    lines += [f"{_id(node.id)} {_list(node.attrs)}" for node in graph.nodes.values()]
    lines += [f"{_id(edge.source)} -> {_id(edge.target)} {_list(edge.attrs)}" for edge in graph.edges]
    return f"digraph {_id(graph.name)} {{\n" + "\n".join(lines) + "\n}"


def _list(attributes: Attributes) -> str:
    return "[" + ", ".join(f"{_id(key)}={_value(value)}" for key, value in attributes.items()) + "]"


def _id(text: str) -> str:
    return text if _BARE_ID.fullmatch(text) and text not in _KEYWORDS else _quoted(text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _value(value: AttributeValue) -> str:
    match value:
        case String(text):
            return _quoted(text)
        case Boolean(truth):
            return str(truth).lower()
        case Float(number):
            return format(number, ".20f")
        case Integer(number):
            return str(number)
        case Duration(milliseconds):
            return f"{milliseconds}ms"


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_names = st.one_of(st.from_regex(_BARE_ID, fullmatch=True), _texts.filter(bool)).filter(lambda name: name != "import")
_values: st.SearchStrategy[AttributeValue] = st.one_of(
    _texts.map(String),
    st.integers(-(2**63), 2**63 - 1).map(Integer),
    st.integers(-(10**6), 10**6).map(lambda number: Float(number / 64)),
    st.booleans().map(Boolean),
    st.integers(0, 2**63 - 1).map(Duration),
)
_attributes = st.dictionaries(_names, _values, max_size=4)


def _node(node_id: str, attributes: Attributes) -> GraphNode:
    return GraphNode(id=node_id, attrs=attributes)


@st.composite
def _graphs(draw: st.DrawFn) -> Graph:
    without_class = _attributes.filter(lambda attributes: "class" not in attributes)
    nodes = draw(st.dictionaries(_names, without_class, max_size=6))
    ends = st.one_of(_names, st.sampled_from(sorted(nodes))) if nodes else _names
    edges = draw(st.lists(st.builds(GraphEdge, source=ends, target=ends, attrs=_attributes), max_size=6))
    return Graph(
        name=draw(_names),
        attrs=draw(_attributes),
        nodes={node_id: _node(node_id, attributes) for node_id, attributes in nodes.items()},
        edges=tuple(edges),
    )


@given(_graphs())
def test_a_printed_graph_reads_back_as_itself(graph: Graph) -> None:
    assert compile_workflow(printed(graph), "w.fabro").graph == graph
