"""What the example of a worker reads of a graph: the edge it takes, the conditions that hold (execution.md N3)."""

from __future__ import annotations

import json
import sys
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.models.graph import Handler
from fabro_core.runs.workflow.conditions import OPERATORS, ConditionError, parse_condition
from fabro_core.runs.workflow.handlers import SHAPES, TYPES, stored_handlers
from tests.runs.workflow.graphs import compiled


def loaded() -> ModuleType:
    spec = spec_from_file_location("worker_graph", Path(__file__).parents[2] / "examples/worker_graph.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


worker: Any = loaded()


def graph_of(body: str) -> Any:
    return worker.Graph(json.loads(msgspec.json.encode(compiled(f"start end {body}").graph)))


def way(body: str, *, facts: dict[str, Any] | None = None, **outcome: Any) -> tuple[str, str] | None:
    """Where node `a` leads on, and why."""
    step = graph_of(body).way_on("a", worker.Outcome(**outcome), facts or {})
    return None if step is None else (step.target, step.reason)


FAILED: dict[str, Any] = {"status": "failed", "failure": {"message": "exit code 1"}}
STRICT = "graph [failure_fallthrough=false]"
NODES = "a [script=x] b [script=x] c [script=x] d [shape=diamond] "


@pytest.mark.parametrize(
    ("edges", "outcome", "expected"),
    [
        ("a -> b a -> c [weight=1]", {}, ("c", "unconditional")),
        ("a -> c a -> b", {}, ("b", "unconditional")),
        ('a -> c a -> b [condition="x=1"]', {}, ("b", "condition")),
        ('a -> b [condition="x=1"] a -> c [condition="x=1", weight=2] a -> d', {}, ("c", "condition")),
        ('a -> c [label="[N] No"] a -> b [label="Y) Yes"]', {"label": "yes"}, ("b", "preferred_label")),
        ('a -> c [label="N - no"] a -> b [label=yes]', {"label": "[N] No"}, ("c", "preferred_label")),
        ('a -> c [label=go, condition="x=2"] a -> b', {"label": "go"}, ("b", "unconditional")),
        ("a -> b a -> c", {"suggested": ["d", "c", "b"]}, ("c", "suggested_next")),
        ("a -> b", FAILED, ("b", "unconditional")),
        ('a -> b [condition="x=2"] a -> c', FAILED, ("c", "unconditional")),
        (f"{STRICT} a -> d", FAILED, ("d", "unconditional")),
        (f"{STRICT} a -> b", FAILED, None),
        (f"{STRICT} a -> b", {}, ("b", "unconditional")),
        (f'{STRICT} a -> b [condition="x=2"] a -> c', FAILED, ("c", "unconditional")),
        (f"a [retry_target=c] {STRICT} a -> b", FAILED, ("c", "retry_target")),
        (f"{STRICT} graph [retry_target=gone, fallback_retry_target=c] a -> b", FAILED, ("c", "retry_target")),
        ("a [retry_target=c]", {}, None),
        ("", FAILED, None),
    ],
)  # fmt: skip
def test_the_first_tier_with_a_match_decides(edges: str, outcome: dict[str, Any], expected: Any) -> None:
    assert way(NODES + edges, facts={"x": 1}, **outcome) == expected


def test_chance_follows_the_weights() -> None:
    body = NODES + "a [selection=random] a -> b [weight=3] a -> c [weight=0]"
    found = Counter(way(body) for _ in range(200))
    assert set(found) == {("b", "unconditional"), ("c", "unconditional")}
    assert found["b", "unconditional"] > found["c", "unconditional"]


# -- conditions -----------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["a", "context.b", "outcome", "contains", '"x y"', r'"q\"\\"', '"="', "1.5", "ä-b", "(a"])
CONDITIONS = st.lists(st.one_of(WORDS, st.sampled_from([*OPERATORS, "&&", "||", "!"])), min_size=1, max_size=9).flatmap(
    lambda words: st.sampled_from([" ".join(words), "".join(words)])
)


@given(CONDITIONS)
def test_conditions_are_read_as_the_server_reads_them(text: str) -> None:
    try:
        expected = parse_condition(text)
    except ConditionError:
        return  # refused when the run is created
    found = worker.alternatives(text)
    assert [[tuple(clause) for clause in each] for each in found] == [
        [(each.key, each.operator or "", each.value, each.negated) for each in alternative]
        for alternative in expected or ()
    ]


FACTS = {
    "outcome": "failed",
    "n": 3,
    "half": 0.5,
    "yes": True,
    "no": False,
    "zero": "0",
    "list": ["a", 1, True],
    "map": {"k": [1]},
    "text": "a b",
    "context.odd": "literal",
    "odd": "short",
}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("outcome=failed", True),
        ("outcome!=failed", False),
        ("!outcome=failed", False),
        ("!!outcome=failed", True),
        ("missing=", True),
        ("missing", False),
        ("yes && n", True),
        ("no", False),
        ("zero", False),
        ("yes=true", True),
        ("context.n>2", True),
        ("n>=3 && n<=3 && n<4", True),
        ("half<1", True),
        ("text>1", False),
        ("n>x", False),
        ("list contains 1", True),
        ("list contains true", True),
        ("list contains b", False),
        ('text contains "a b"', True),
        ('map="{\\"k\\":[1]}"', True),
        ("context.odd=literal", True),
        ("odd=short", True),
        ("no || yes", True),
        ("no && yes || no", False),
        ("yes || no && no", True),
    ],
)
def test_a_condition_holds_or_not(condition: str, holds: bool) -> None:
    assert worker.holds(condition, FACTS) is holds


# -- what a node is, and what is asked of people -----------------------------------------------------------------------


def test_handlers_are_those_of_the_server() -> None:
    kinds = [
        *(f"shape={shape}" for shape in SHAPES),
        *(f'type="{kind}"' for kind in TYPES),
        "script=x",
        "shape=box, script=x",
    ]
    odd = ["shape=circle, script=x", "type=robot, script=x", "type=robot, shape=tab", "label=x"]
    for given_kind in [*kinds, *odd]:
        graph = compiled(f"start end n [{given_kind}] Start [{given_kind}]").graph
        found = worker.Graph(json.loads(msgspec.json.encode(graph)))
        expected = stored_handlers(msgspec.json.encode(graph))
        assert {node: Handler(found.handler(node)) for node in graph.nodes} == dict(expected), given_kind


def test_each_option_has_a_key_of_its_own() -> None:
    labels = ["[A] Approve", "Y) Yes", "No - never", "[A] Again", "plain", "plain"]
    ways = [{"label": label, "to": "x"} for label in labels] + [{"to": "x"}]
    options = worker.options_of(ways)
    assert [each["key"] for each in options] == ["A", "Y", "No", "A2", "plain", "plain2", "x"]
    assert [each["label"] for each in options] == [*labels, "x"]


def test_everything_that_cannot_be_done_is_named() -> None:
    body = (
        'a [script=x, language=python, max_retries=2] b [shape=component] h [shape=hexagon, "human.default_choice"=a] '
        "w [shape=insulator, duration=1s] a -> b [loop_restart=true] h -> a [freeform=true] "
        "graph [default_max_retries=1]"
    )
    assert list(graph_of(body).obstacles()) == [
        "node a: it knows no language",
        "node a: it knows no max_retries",
        "node b: it has no parallel",
        "node h: it knows no human.default_choice",
        "node w: it has no wait",
        "edge a -> b: it knows no loop_restart",
        "edge h -> a: it knows no freeform",
        "graph: it knows no default_max_retries",
    ]


def test_defaults_written_out_are_no_obstacles() -> None:
    body = "a [script=x, language=shell, max_retries=0] h [shape=hexagon, question_type=multiple_choice]"
    assert list(graph_of(body).obstacles()) == []
