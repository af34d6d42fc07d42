"""The text and the grammar of workflow files (language.md L1, L2)."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fabro_core.errors import InvalidRequest
from fabro_core.models.graph import AttributeValue, Boolean, Duration, Float, Graph, GraphEdge, Integer, String
from fabro_core.runs.workflow.grammar import MAX_SYMBOLS
from fabro_core.runs.workflow.source import WorkflowSyntaxError
from tests.runs.workflow.graphs import PATH, compiled_text


def graph_of(source: str) -> Graph:
    return compiled_text(source).graph


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ('"Ship it"', String("Ship it")),
        ('""', String("")),
        (r'"say \"hi\""', String('say "hi"')),
        (r'"a\\b"', String("a\\b")),
        (r'"one\ntwo\tthree"', String("one\ntwo\tthree")),
        (r'"\d+ \l"', String(r"\d+ \l")),
        ('"two\nlines"', String("two\nlines")),
        ('"// not a comment"', String("// not a comment")),
        ('"42"', String("42")),
        ("42", Integer(42)),
        ("-1", Integer(-1)),
        ("007", Integer(7)),
        ("9223372036854775807", Integer(2**63 - 1)),
        ("3.14", Float(3.14)),
        (".5", Float(0.5)),
        ("-0.5", Float(-0.5)),
        ("true", Boolean(True)),
        ("false", Boolean(False)),
        ("True", String("True")),
        ("250ms", Duration(250)),
        ("30s", Duration(30_000)),
        ("15m", Duration(900_000)),
        ("2h", Duration(7_200_000)),
        ("1d", Duration(86_400_000)),
        ("-30s", String("-30s")),
        ("claude-sonnet-4.5", String("claude-sonnet-4.5")),
        ("node", String("node")),
        ("a-", String("a-")),
        ("x//y", String("x")),
        ("x/* y */", String("x")),
        (r'"tab\tand \r"', String("tab\tand \\r")),
        ('"back\\\nslash"', String("back\\\nslash")),
        ('"5 s"', String("5 s")),
    ],
)
def test_a_value_has_the_type_of_its_spelling(word: str, value: AttributeValue) -> None:
    assert graph_of(f"digraph D {{ a [x={word}\n] }}").nodes["a"].attrs == {"x": value}


@pytest.mark.parametrize(
    "attributes",
    [
        "[x=1, y=2]",
        "[x=1; y=2]",
        "[x=1 y=2]",
        "[x=1][y=2]",
        "[x=1, y=2,]",
        '["x"=1, y = 2]',
        "[x=1 /* why */ y=2] // and so on",
        "[x=0, x=1, y=2]",
    ],
)
def test_attributes_may_be_separated_by_commas_semicolons_or_space(attributes: str) -> None:
    assert graph_of(f"digraph D {{ a {attributes}\n}}").nodes["a"].attrs == {"x": Integer(1), "y": Integer(2)}


@pytest.mark.parametrize(
    "source",
    [
        "digraph D{a b}",
        "digraph D { a; b; }",
        "digraph D {;a;;b}",
        "// first\ndigraph /* the name: */ D {\n  a // one\n  b }\n/* last */",
        'digraph "D" { "a" b }',
    ],
)
def test_semicolons_comments_and_blanks_are_free(source: str) -> None:
    graph = graph_of(source)
    assert (graph.name, list(graph.nodes)) == ("D", ["a", "b"])


def test_names_may_hold_dots_and_quoted_names_anything() -> None:
    graph = graph_of('digraph "My flow" { review.security _x "a:b -> c" "node" }')
    assert graph.name == "My flow"
    assert list(graph.nodes) == ["review.security", "_x", "a:b -> c", "node"]


def test_a_keyword_may_be_the_key_of_an_attribute() -> None:
    assert graph_of("digraph D { a [node=1, graph=2] }").nodes["a"].attrs == {"node": Integer(1), "graph": Integer(2)}


@pytest.mark.parametrize(
    ("source", "place", "reason"),
    [
        ("", "1:1", "begins with digraph"),
        ("workflow X {}", "1:1", "begins with digraph"),
        ("graph X {}", "1:1", "undirected graphs are not supported"),
        ("strict digraph X {}", "1:1", "strict graphs are not supported"),
        ("digraph {}", "1:9", "the digraph has no name"),
        ('digraph "" {}', "1:9", "must not be empty"),
        ("digraph my-flow {}", "1:11", "a name cannot contain -"),
        ("digraph X {\n  a\n", "2:3", "ends before the closing brace"),
        ("digraph X {}}", "1:13", "nothing may follow"),
        ("digraph X {}\ndigraph Y {}", "2:1", "nothing may follow"),
        ("digraph X { a -- b }", "1:15", "undirected edges"),
        ("digraph X { a--b }", "1:14", "undirected edges"),
        ("digraph X {\n  a:n -> b }", "2:4", "ports are not supported"),
        ("digraph X { a -> b:n }", "1:19", "ports are not supported"),
        ("digraph X { a [label=<b>] }", "1:22", "HTML strings are not supported"),
        ("digraph X { a -> subgraph y { b } }", "1:18", "a subgraph cannot be the end of an edge"),
        ("digraph X { a -> subgraph { b } }", "1:27", "a subgraph cannot be the end of an edge"),
        ("digraph X { a -> { b c } }", "1:18", "a subgraph cannot be the end of an edge"),
        ("digraph X { subgraph y { b } -> a }", "1:30", "a subgraph cannot be the end of an edge"),
        ('digraph X {\n\n  a [label="open }', "3:12", "the quoted string is not closed"),
        ('digraph X { a [label="open\\"] }', "1:22", "the quoted string is not closed"),
        ("digraph X { /* open }", "1:13", "the comment is not closed"),
        ('digraph X { "" }', "1:13", "must not be empty"),
        ("digraph X { node a }", "1:13", '"node" is a keyword'),
        ("digraph X { digraph Y { } }", "1:13", '"digraph" is a keyword'),
        ("digraph X { subgraph node { } }", "1:22", '"node" is a keyword'),
        ("digraph graph { }", "1:9", '"graph" is a keyword'),
        ("digraph X { node [x=1] }}", "1:25", "nothing may follow"),
        ('digraph X { a [x="1" + "2"] }', "1:22", "cannot be joined"),
        ("digraph X { a-b }", "1:14", "a name cannot contain -"),
        ("digraph X { 1a }", "1:13", 'unexpected "1a"'),
        ("digraph X { größe }", "1:15", "unexpected character 'ö'"),
        ("digraph X { a -> }", "1:18", "expected a name or a quoted string"),
        ("digraph X { a [x] }", "1:17", 'unexpected "]"'),
        ("digraph X { a [x=1,,y=2] }", "1:20", 'unexpected ","'),
        ("digraph X { a [x=9223372036854775808] }", "1:18", "out of range"),
        ("digraph X { a [x=" + "9" * 5000 + "d] }", "1:18", "out of range"),
        ("digraph X { a [x=" + "9" * 399 + ".0] }", "1:18", "out of range"),
        ("digraph X { a..b=1 }", "1:13", "is no key"),
        ("digraph X { a [x=] }", "1:18", 'unexpected "]"; expected a value'),
        ("digraph X { a [x=", "1:17", "ends before"),
        ("digraph X { a [,x=1] }", "1:16", 'unexpected ","'),
        ("digraph X { a [x=1;;y=2] }", "1:20", 'unexpected ";"'),
        ("digraph X { a, b }", "1:14", 'unexpected ","'),
        ("digraph X { { a } }", "1:13", "the word subgraph"),
        ("digraph X { a [x=3.] }", "1:18", '"3." must be quoted'),
        ("digraph X { a [x=1e5] }", "1:18", '"1e5" must be quoted'),
        ("digraph X { a [x=+4] }", "1:18", '"+4" must be quoted'),
        ("digraph X { a [x=+4] }", "1:18", "for the number write 4"),
        ("digraph X { a [x=2fast] }", "1:18", '"2fast" must be quoted'),
        ("digraph X { a [x=summary:high] }", "1:18", '"summary:high" must be quoted'),
        ("digraph X { a [x=a/b] }", "1:18", '"a/b" must be quoted'),
        ("digraph X { a [x=http://x] }", "1:18", '"http://x" must be quoted'),
        ("digraph X { a [x=größe] }", "1:18", '"größe" must be quoted'),
        ("digraph X { a [x=1.5h] }", "1:18", '"1.5h" must be quoted'),
        ("digraph X { a [x=-] }", "1:18", '"-" must be quoted'),
        ("digraph X { a\x0cb }", "1:14", "unexpected character"),
        ("\ufeff\ufeffdigraph X {}", "1:1", "unexpected character"),
        ("\ufeffdigraph X { ? }", "1:13", "unexpected character '?'"),
        ("digraph X {\r\n ? }", "2:2", "unexpected character '?'"),
        ("#!/usr/bin/env fabro\ndigraph X {}", "1:1", "unexpected character '#'"),
    ],
)
def test_what_is_no_workflow_is_refused_with_its_place(source: str, place: str, reason: str) -> None:
    with pytest.raises(WorkflowSyntaxError) as caught:
        compiled_text(source)
    error = caught.value
    assert error.detail.startswith(f"{PATH}:{place}: ")
    assert reason in error.detail
    assert f"{error.line}:{error.column}" == place


@pytest.mark.parametrize(
    ("body", "edges"),
    [
        ("node -> a", [("node", "a")]),
        ("a -> edge", [("a", "edge")]),
        ("a -> subgraph -> graph", [("a", "subgraph"), ("subgraph", "graph")]),
        ("subgraph -> digraph", [("subgraph", "digraph")]),
    ],
)
def test_a_keyword_at_an_arrow_is_a_name(body: str, edges: list[tuple[str, str]]) -> None:
    assert graph_of(f"digraph D {{ {body} }}").edges == tuple(
        GraphEdge(source=source, target=target, attrs={}) for source, target in edges
    )


@pytest.mark.parametrize("body", ["node; strict", "strict node", "strict; node;"])
def test_a_keyword_before_a_semicolon_or_a_brace_is_a_name(body: str) -> None:
    assert set(graph_of(f"digraph D {{ {body} }}").nodes) == {"node", "strict"}


def test_a_leading_byte_order_mark_is_skipped() -> None:
    assert graph_of("\ufeffdigraph D { a }").name == "D"


def test_carriage_returns_are_white_space_and_stay_in_strings() -> None:
    graph = graph_of('digraph D {\r\n a [prompt="one\r\ntwo"]\r\n}\r\n')
    assert graph.nodes["a"].attrs == {"prompt": String("one\r\ntwo")}


def test_the_parser_of_templates_is_loaded_by_the_first_template_only() -> None:
    script = "import sys, fabro_core.runs.create.plan; sys.exit(not {'jinja2', 're2'}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("digraph D {" + "subgraph s {" * (MEBIBYTE // 8), "nested more than", id="subgraphs"),
        pytest.param("digraph D {" + "{" * 2 * MEBIBYTE, "unexpected", id="braces"),
        pytest.param("digraph D { node [" + "x=1 " * MEBIBYTE + "] }", "too large", id="attributes"),
        pytest.param("digraph D {" + "node [x=1] " * MEBIBYTE + "}", "too large", id="defaults"),
        pytest.param('digraph D { a [x="' + "\\" * 2 * MEBIBYTE, "not closed", id="backslashes"),
        pytest.param("digraph D {" + "/*" + "*" * 2 * MEBIBYTE, "comment is not closed", id="open comment"),
        pytest.param("digraph D { a" + " -> a" * (MEBIBYTE // 4), "too large", id="chain"),
        pytest.param("digraph D {" + ";" * 2 * MEBIBYTE, "too large", id="semicolons"),
        pytest.param('digraph D { a [x="' + '\\"' * MEBIBYTE, "not closed", id="open string"),
        pytest.param("digraph D {" + "/*" * MEBIBYTE + "!", "unexpected character", id="comments"),
        pytest.param("digraph D { a [x=" + "1" * 2 * MEBIBYTE + "] }", "out of range", id="digits"),
        pytest.param(f'digraph D {{ node [x="{"y" * MEBIBYTE}"] a b c d e }}', "once compiled", id="repeated default"),
        pytest.param(f'digraph D {{ a->a->a->a->a->a [x="{"y" * MEBIBYTE}"] }}', "once compiled", id="repeated edge"),
    ],
)
def test_a_text_that_would_exhaust_the_server_is_refused(source: str, reason: str) -> None:
    with pytest.raises(WorkflowSyntaxError, match=reason):
        graph_of(source)


def test_as_many_symbols_as_the_language_promises_are_read() -> None:
    assert MAX_SYMBOLS >= 20_000
    graph = graph_of("digraph D {" + "a " * 9_000 + "a [x=1 y=2] " * 1_000 + "}")
    assert graph.nodes["a"].attrs == {"x": Integer(1), "y": Integer(2)}


def test_thirty_one_subgraphs_inside_each_other_are_read() -> None:
    assert list(graph_of("digraph D {" + "subgraph {" * 31 + "a" + "}" * 32).nodes) == ["a"]
    with pytest.raises(WorkflowSyntaxError, match="nested more than 31"):
        graph_of("digraph D {" + "subgraph {" * 32 + "a" + "}" * 33)


def test_two_megabytes_of_comments_and_one_long_string_are_read() -> None:
    text = "x" * MEBIBYTE
    graph = graph_of("digraph D {" + "//\n" * (MEBIBYTE // 3) + f' a [prompt="{text}"] }}')
    assert graph.nodes["a"].attrs == {"prompt": String(text)}


_KEYWORDS = ["digraph", "strict", "graph", "node", "edge", "subgraph", "import"]
_SIGNS = ["{", "}", "[", "]", "=", "->", "--", ":", ";", ",", "<", "+", "/*", "*/", "//", "\\", "\n", " "]
_WORDS = ["a", "b.c", "1", ".5", "30s", "true", '"', '""', '"x"']
_symbols = st.sampled_from([*_KEYWORDS, *_SIGNS, *_WORDS])


@given(st.one_of(st.text(), st.lists(_symbols).map(" ".join), st.lists(_symbols).map("".join)))
@example("digraph D {")
def test_any_text_is_a_graph_or_an_invalid_request(source: str) -> None:
    for text in (source, f"digraph D {{ {source} }}"):
        with suppress(InvalidRequest):
            assert graph_of(text).name
