"""Printed graphs read back as themselves, whatever is in them (language.md L1 to L5)."""

from __future__ import annotations

import re

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
    Integer,
    String,
)
from fabro_core.runs.workflow.attributes import EDGE, GRAPH, NODE, Type, Types
from fabro_core.runs.workflow.grammar import KEYWORDS
from fabro_core.runs.workflow.literals import duration
from tests.runs.workflow.graphs import compiled_text

_BARE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_BARE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_BARE_TEXT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def printed(graph: Graph) -> str:
    lines = [f"{_key(key)} = {_value(value)};" for key, value in graph.attrs.items()]
    lines += [f"{_name(node.id)} {_list(node.attrs)}" for node in graph.nodes.values()]
    lines += [f"{_name(edge.source)} -> {_name(edge.target)} {_list(edge.attrs)}" for edge in graph.edges]
    return f"digraph {_name(graph.name)} {{\n" + "\n".join(lines) + "\n}"


def _list(attributes: Attributes) -> str:
    return "[" + ", ".join(f"{_key(key)}={_value(value)}" for key, value in attributes.items()) + "]"


def _name(text: str) -> str:
    return text if _BARE_NAME.fullmatch(text) and text not in KEYWORDS else _quoted(text)


def _key(text: str) -> str:
    return text if _BARE_KEY.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _value(value: AttributeValue) -> str:
    match value:
        case String(text):
            return text if _BARE_TEXT.fullmatch(text) and text not in ("true", "false") else _quoted(text)
        case Boolean(truth):
            return str(truth).lower()
        case Float(number):
            return format(number, ".20f")
        case Integer(number):
            return str(number)
        case Duration(milliseconds):
            return f"{milliseconds}ms"


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_names = st.one_of(st.from_regex(_BARE_NAME, fullmatch=True), st.sampled_from(sorted(KEYWORDS)), _texts.filter(bool))
_INTEGERS = st.integers(-(2**63), 2**63 - 1).map(Integer)
_BOOLEANS = st.booleans().map(Boolean)
_DURATIONS = st.integers(0, 2**63 - 1).map(Duration)
_strings = _texts.map(String)
_of_type: dict[Type, st.SearchStrategy[AttributeValue]] = {
    Type.TEXT: _strings,
    Type.INTEGER: _INTEGERS,
    Type.POSITIVE: st.integers(1, 2**63 - 1).map(Integer),
    Type.BOOLEAN: _BOOLEANS,
    Type.DURATION: _DURATIONS,
}
_unknown: st.SearchStrategy[AttributeValue] = st.one_of(
    _strings.filter(lambda value: duration(value.value) is None),
    _INTEGERS,
    st.integers(-(10**6), 10**6).map(lambda number: Float(number / 64)),
    _BOOLEANS,
    _DURATIONS,
)
_NOT_FINAL = {"class", "import", "prompt", "goal", "script", "output_schema", "model_stylesheet"}
"""What compiling changes, or makes something of."""


def _attributes(types: Types) -> st.SearchStrategy[Attributes]:
    known = st.sampled_from(sorted(types.keys() - _NOT_FINAL)).flatmap(
        lambda key: st.tuples(st.just(key), _of_type[types[key]])
    )
    unknown = st.tuples(_names.filter(lambda name: name not in types), _unknown)
    return st.lists(st.one_of(known, unknown), max_size=4).map(dict)


@st.composite
def _graphs(draw: st.DrawFn) -> Graph:
    nodes = draw(st.dictionaries(_names, _attributes(NODE), max_size=6))
    ends = st.one_of(_names, st.sampled_from(sorted(nodes))) if nodes else _names
    edges = draw(st.lists(st.builds(GraphEdge, source=ends, target=ends, attrs=_attributes(EDGE)), max_size=6))
    return Graph(
        name=draw(_names),
        attrs=draw(_attributes(GRAPH)),
        nodes={node_id: GraphNode(id=node_id, attrs=attributes) for node_id, attributes in nodes.items()},
        edges=tuple(edges),
    )


@given(_graphs())
def test_a_printed_graph_reads_back_as_itself(graph: Graph) -> None:
    assert compiled_text(printed(graph)).graph == graph


@given(_graphs())
def test_printing_what_was_read_changes_nothing_more(graph: Graph) -> None:
    text = printed(graph)
    assert printed(compiled_text(text).graph) == text
