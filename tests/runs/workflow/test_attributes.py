"""The types of attributes (language.md L5)."""

from __future__ import annotations

import pytest

from fabro_core.models.graph import AttributeValue, Boolean, Duration, Float, Integer, String
from tests.runs.workflow.graphs import attrs, diagnosed, graph_of


@pytest.mark.parametrize(
    ("stated", "value"),
    [
        # texts take every spelling
        ("label=5", String("5")),
        ("label=007", String("007")),
        ("label=.5", String(".5")),
        ("label=2h", String("2h")),
        ("label=true", String("true")),
        ('label="30s"', String("30s")),
        ('acp.command="5"', String("5")),
        ('"acp.command"=5', String("5")),
        # durations
        ("timeout=900s", Duration(900_000)),
        ('timeout="900s"', Duration(900_000)),
        ("timeout=0", Duration(0)),
        ('timeout="0"', Duration(0)),
        ("timeout=0m", Duration(0)),
        # integers and booleans
        ("max_retries=3", Integer(3)),
        ('max_retries="3"', Integer(3)),
        ('max_retries="-3"', Integer(-3)),
        ('goal_gate="true"', Boolean(True)),
        ("goal_gate=false", Boolean(False)),
        ('max_tokens="1"', Integer(1)),
        # what is not known keeps the type of its form
        ("x=5s", Duration(5_000)),
        ('x="5s"', Duration(5_000)),
        ('x="5s later"', String("5s later")),
        ('x="5"', String("5")),
        ('x="true"', String("true")),
        ("x=-5s", String("-5s")),
        ("x=2.5", Float(2.5)),
        (f'x="{"9" * 30}s"', String("9" * 30 + "s")),
    ],
)
def test_a_value_has_the_type_of_its_attribute(stated: str, value: AttributeValue) -> None:
    assert list(attrs(f"a [{stated}]", "a").values()) == [value]


@pytest.mark.parametrize(
    ("stated", "value", "advice"),
    [
        ("timeout=300", Integer(300), "300s"),
        ('timeout="300"', String("300"), "300s"),
        ('timeout="1h30m"', String("1h30m"), "one unit"),
        ('timeout=" 5s"', String(" 5s"), "one unit"),
        ("timeout=-5s", String("-5s"), "one unit"),
        ("timeout=true", Boolean(True), "one unit"),
        ("timeout=soon", String("soon"), "one unit"),
        ("timeout=00", Integer(0), "00s"),
        (f'timeout="{"9" * 30}s"', String("9" * 30 + "s"), "one unit"),
        ("max_visits=2.5", Float(2.5), "whole number"),
        ("max_visits=5s", Duration(5_000), "whole number"),
        ('max_visits="5s"', String("5s"), "whole number"),
        ('max_visits="9223372036854775808"', String("9223372036854775808"), "whole number"),
        ("max_tokens=0", Integer(0), "above 0"),
        ("goal_gate=yes", String("yes"), "true or false"),
        ("goal_gate=1", Integer(1), "true or false"),
        ("goal_gate=True", String("True"), "true or false"),
    ],
)
def test_a_value_that_does_not_fit_stays_and_is_warned_of(stated: str, value: AttributeValue, advice: str) -> None:
    body = f"start -> a -> end\n a [prompt=p, {stated}]"
    (diagnostic,) = diagnosed(body)
    key, _, written = stated.partition("=")
    assert attrs(body, "a")[key] == value
    assert (diagnostic.rule, diagnostic.severity, diagnostic.node_id) == ("attribute_type", "warning", "a")
    assert key in diagnostic.message
    assert written.strip('"') in diagnostic.message
    assert advice in (diagnostic.fix or "")
    assert (diagnostic.line, diagnostic.column) == (2, 15)


def test_each_owner_is_warned_in_the_order_of_nodes_edges_and_graph() -> None:
    body = "stall_timeout=5 node [timeout=1] b a edge [weight=x] start -> a -> b -> end"
    found = [(each.node_id, each.edge) for each in diagnosed(body) if each.rule == "attribute_type"]
    edges = [("start", "a"), ("a", "b"), ("b", "end")]
    assert found == [("b", None), ("a", None), *((None, edge) for edge in edges), (None, None)]


def test_types_are_those_of_the_owner() -> None:
    graph = graph_of('timeout="5" stall_timeout="5s" weight="5" a [weight="5"] a -> b [weight="5", timeout="5s"]')
    assert graph.attrs == {"timeout": String("5"), "stall_timeout": Duration(5_000), "weight": String("5")}
    assert graph.nodes["a"].attrs == {"weight": String("5")}
    assert graph.edges[0].attrs == {"weight": Integer(5), "timeout": Duration(5_000)}


def test_a_value_that_does_not_fit_counts_as_absent() -> None:
    assert "goal_gate_has_retry" not in [
        each.rule for each in diagnosed("a [prompt=p, goal_gate=yes] start -> a -> end")
    ]
    inert = diagnosed("a [prompt=p, max_parallel=many] start -> a -> end")
    assert [each.rule for each in inert] == ["attribute_type"]
