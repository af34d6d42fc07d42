"""The rules of the language, one by one, and that the examples keep them (language.md L13)."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from fabro_core.runs.workflow.handlers import stored_handlers
from fabro_core.runs.workflow.rules.table import RULES
from tests.runs.workflow.graphs import (
    PATH,
    Found,
    compiled,
    compiled_text,
    diagnosed,
    found,
    of_edge,
    of_graph,
    of_node,
    rules,
)

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.fabro"))

SOUND = "a [prompt=p] start -> a -> end"


def whole(body: str) -> list[Found]:
    """What is wrong with a graph that has its own start and exit, or none."""
    return [(each.rule, each.node_id, each.edge) for each in compiled(body).diagnostics]


def test_a_sound_graph_has_no_diagnostics() -> None:
    assert found(SOUND + " a -> a") == []


# -- starts, exits, ways ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a [prompt=p] end a -> end", [of_graph("start_node")]),
        ("start a [prompt=p] start -> a", [of_graph("terminal_node")]),
        ("", [of_graph("start_node"), of_graph("terminal_node")]),
        (
            "start s [shape=Mdiamond] end start -> end s -> end",
            [of_graph("start_node"), of_node("reachability", "start")],
        ),
        ("start end stop [shape=Msquare] start -> end start -> stop", [of_graph("terminal_node")]),
        ("go [type=start] stop [type=exit] go -> stop", []),
    ],
)
def test_a_graph_has_exactly_one_start_and_one_exit(body: str, expected: list[Found]) -> None:
    assert whole(body) == expected


def test_several_starts_or_exits_are_counted_once() -> None:
    body = "start s [shape=Mdiamond] t [shape=Mdiamond] end x [shape=Msquare] start -> end s -> x t -> x"
    messages = {each.rule: each.message for each in compiled(body).diagnostics}
    assert "3" in messages["start_node"]
    assert "2" in messages["terminal_node"]


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        ("start end a [prompt=p] start -> end", ["a"]),
        ("start end a [prompt=p] b [prompt=p] start -> end a -> b", ["a", "b"]),
        ("start end", ["end"]),
        ("start go [shape=Mdiamond] a [prompt=p] end go -> a -> end", ["start"]),
        ("start Start a [prompt=p] end start -> a -> end", ["Start"]),
    ],
)
def test_what_no_path_leads_to_is_a_warning(body: str, lost: list[str]) -> None:
    found = [each for each in compiled(body).diagnostics if each.rule == "reachability"]
    assert [each.node_id for each in found] == lost
    assert {each.severity for each in found} == {"warning"}


def test_without_a_start_nothing_is_said_of_ways() -> None:
    assert "reachability" not in [rule for rule, _, _ in whole("a [prompt=p] end")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("start -> gone", [("edge_target_exists", "gone", ("start", "gone"))]),
        ("gone -> end", [("edge_target_exists", "gone", ("gone", "end"))]),
        ("gone -> gone", [("edge_target_exists", "gone", ("gone", "gone"))]),
        ("gone -> away", [("edge_target_exists", end, ("gone", "away")) for end in ("gone", "away")]),
        ("start -> gone gone -> end", [("edge_target_exists", "gone", ("start", "gone"))]),
    ],
)
def test_an_edge_end_that_is_not_declared_is_told_of_once(body: str, expected: list[Found]) -> None:
    assert found(f"start -> end {body}") == expected


def test_the_near_match_of_an_edge_end_is_named() -> None:
    (diagnostic,) = diagnosed("sorting [prompt=p] start -> sorting -> end sortin -> end")
    assert '"sortin"' in diagnostic.message
    assert '"end"' in diagnostic.message
    assert '"sorting"' in (diagnostic.fix or "")


def test_what_leads_into_the_start_or_out_of_the_exit_is_counted_at_the_node() -> None:
    assert found(SOUND + " a -> start a -> start") == [of_node("start_no_incoming", "start")]
    assert found(SOUND + " end -> a") == [of_node("exit_no_outgoing", "end")]
    assert "2 edges" in diagnosed(SOUND + " a -> start a -> start")[0].message


@pytest.mark.parametrize("id_", ["graph", "digraph", "subgraph", "node", "edge", "strict", "if", "If", "NODE"])
def test_a_word_of_the_language_is_no_good_id(id_: str) -> None:
    assert found(f'"{id_}" [prompt=p] start -> "{id_}" -> end') == [of_node("reserved_keyword_node_id", id_)]


# -- what single attributes say ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('a [prompt=p] start -> a a -> end [condition="a=="] a -> end', [of_edge("condition_syntax", "a", "end")]),
        ("model_stylesheet=sheet", [of_graph("stylesheet_syntax")]),
        ("b [type=robot, prompt=p] start -> b -> end", [of_node("type_known", "b")]),
        ("b [type=5, prompt=p] start -> b -> end", [of_node("type_known", "b")]),
        ("b [type=one_shot, prompt=p] start -> b -> end", [of_node("type_known", "b")]),
        ("b [type=tool, script=x] start -> b -> end", []),
        ("b [shape=ellipse, prompt=p] start -> b -> end", [of_node("shape_known", "b")]),
        ("b [shape=ellipse, type=agent, prompt=p] start -> b -> end", []),
        (
            "b [shape=ellipse, type=robot, prompt=p] start -> b -> end",
            [of_node("type_known", "b"), of_node("shape_known", "b")],
        ),
        ("start [shape=ellipse]", []),
        ("end [shape=ellipse]", []),
        ("rankdir=XY", [of_graph("direction_valid")]),
        ("rankdir=lr", [of_graph("direction_valid")]),
        ("rankdir=RL", []),
        ("b [prompt=p, selection=odd] start -> b -> end", [of_node("selection_valid", "b")]),
        ("b [prompt=p, selection=random] start -> b -> end", []),
        ("b [prompt=p, fidelity=much] start -> b -> end", [of_node("fidelity_valid", "b")]),
        ('b [prompt=p, fidelity="summary:low"] start -> b -> end', []),
        ("default_fidelity=much", [of_graph("fidelity_valid")]),
        ("b [prompt=p, retry_target=gone] start -> b -> end", [of_node("retry_target_exists", "b")]),
        ("b [prompt=p, retry_target=b, fallback_retry_target=start] start -> b -> end", []),
        ("retry_target=gone fallback_retry_target=away", [of_graph("retry_target_exists")] * 2),
    ],
)
def test_what_is_not_known_is_told_with_its_place(body: str, expected: list[Found]) -> None:
    assert found(f"start -> end {body}") == expected


@pytest.mark.parametrize(
    ("body", "meant"),
    [
        ("b [type=comand, prompt=p]", "command"),
        ("b [shape=hexagone, prompt=p]", "hexagon"),
        ("b [prompt=p, selection=randm]", "random"),
        ("b [prompt=p, fidelity=ful]", "full"),
        ("b [prompt=p, retry_target=starts]", "start"),
        ("b [prompt=p, backend=apii]", "api"),
    ],
)
def test_advice_names_what_was_probably_meant(body: str, meant: str) -> None:
    (diagnostic,) = diagnosed(f"{body} start -> b -> end")
    assert f'"{meant}"' in (diagnostic.fix or "")


def test_an_older_type_is_told_its_current_name() -> None:
    (diagnostic,) = diagnosed("b [type=agent_loop, prompt=p] start -> b -> end")
    assert '"agent"' in diagnostic.message


# -- conditions of edges ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ('b -> end [condition="x=1"]', ["all_conditional_edges"]),
        ('b -> end [condition="x=1 && outcome=failed"]', ["all_conditional_edges", "orphan_custom_outcome"]),
        ('b -> end [condition="outcome=failed || x=1"]', ["all_conditional_edges", "orphan_custom_outcome"]),
        ('b -> end [condition="x=1 || outcome=failed"]', ["all_conditional_edges"]),
        ('b -> end [condition="outcome!=failed"]', ["all_conditional_edges"]),
        ('b -> end [condition="outcome=failed"] b -> end', []),
        ('b -> end [condition=" "]', []),
        ("b -> end", []),
    ],
)
def test_a_node_has_a_way_for_when_no_condition_holds(edges: str, expected: list[str]) -> None:
    assert rules(f"b [prompt=p] start -> b {edges}") == expected


def test_chance_and_conditions_do_not_choose_at_the_same_node() -> None:
    body = 'b [prompt=p, selection=random] start -> b b -> end b -> end [condition="x=1"]'
    assert found(body) == [of_node("random_selection_no_conditions", "b")]


# -- all of them ------------------------------------------------------------------------------------------------


def test_diagnostics_come_in_the_order_of_the_rules_and_then_of_nodes_edges_and_graph() -> None:
    body = (
        "default_fidelity=tiny z [prompt=p, fidelity=odd, selection=odd] a [shape=parallelogram, fidelity=odd] "
        "start -> z -> a [fidelity=odd] a -> end"
    )
    assert found(body) == [
        of_node("fidelity_valid", "z"),
        of_node("fidelity_valid", "a"),
        of_edge("fidelity_valid", "start", "z"),
        of_edge("fidelity_valid", "z", "a"),
        of_graph("fidelity_valid"),
        of_node("command_requires_script", "a"),
        of_node("selection_valid", "z"),
    ]


def test_a_diagnostic_stands_where_the_fault_was_written() -> None:
    source = (
        "digraph D {\n  start end\n  node [selection=odd]\n  b [prompt=p,\n     fidelity=odd]\n  start -> b -> end\n}"
    )
    places = {each.rule: (each.source_path, each.line, each.column) for each in compiled_text(source).diagnostics}
    assert places == {"fidelity_valid": (PATH, 5, 6), "selection_valid": (PATH, 3, 9)}


def test_every_rule_gives_advice_and_says_whole_sentences() -> None:
    body = (
        'join [type=x, join_policy=y] b [shape=y] c [shape=parallelogram, for_each=x, stdin_source=" "] '
        "d [script=x, prompt=p, selection=random, goal_gate=true, retry_target=gone] start -> gone d -> start "
        'end -> d [condition="="] e [backend=cli, timeout=5, fidelity=x] f [backend=acp] d -> b [condition=x] '
        "model_stylesheet=x rankdir=x default_thread=t"
    )
    for diagnostic in diagnosed(body):
        assert diagnostic.fix, diagnostic.rule
        assert diagnostic.message.endswith("."), diagnostic.message
        assert diagnostic.severity in ("error", "warning")


def test_every_rule_of_the_specification_is_there() -> None:
    assert len({rule.__name__ for rule in RULES}) == len(RULES) == 33


# -- examples ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_no_diagnostics(path: Path) -> None:
    assert compiled_text(path.read_text("utf-8")).diagnostics == ()


def test_there_are_examples_of_people_parallel_work_and_commands() -> None:
    handlers = {
        handler
        for path in EXAMPLES
        for handler in stored_handlers(msgspec.json.encode(compiled_text(path.read_text("utf-8")).graph)).values()
    }
    assert {"command", "human", "conditional", "agent", "prompt", "parallel", "parallel.fan_in"} <= handlers
