"""The graph rules (runs.md R8.5), and that the examples keep them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabro_core.models.graph import WorkflowDiagnostic
from fabro_core.runs.workflow.compile import compile_workflow
from fabro_core.runs.workflow.rules import RULES, diagnose

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.fabro"))


def found(body: str) -> list[tuple[str, str | None, tuple[str, str] | None]]:
    return [(item.rule, item.node_id, item.edge) for item in diagnosed(body)]


def diagnosed(body: str) -> tuple[WorkflowDiagnostic, ...]:
    return diagnose(compile_workflow(f"digraph D {{ {body} }}", "w.fabro"))


def test_a_sound_graph_has_no_diagnostics() -> None:
    assert diagnosed("start a exit start -> a -> exit a -> a") == ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a exit a -> exit", [("start_node", None, None)]),
        ("start s [shape=Mdiamond] exit start -> exit s -> exit", [("start_node", "s", None)]),
        ("start a start -> a", [("terminal_node", None, None)]),
        ("start exit start -> exit start -> gone", [("edge_target_exists", None, ("start", "gone"))]),
        ("start exit start -> exit gone -> exit", [("edge_target_exists", None, ("gone", "exit"))]),
        ("start exit start -> exit gone -> gone", [("edge_target_exists", None, ("gone", "gone"))]),
        ("start a exit start -> a -> exit a -> start", [("start_no_incoming", None, ("a", "start"))]),
        ("start a exit start -> a -> exit -> a", [("exit_no_outgoing", None, ("exit", "a"))]),
        ("start a b exit start -> exit a -> b", [("reachability", "a", None), ("reachability", "b", None)]),
        ("start exit", [("reachability", "exit", None)]),
        ("start a [type=robot] exit start -> a -> exit", [("type_known", "a", None)]),
        ("start a [type=5] exit start -> a -> exit", [("type_known", "a", None)]),
        ("start a [shape=ellipse] exit start -> a -> exit", [("shape_known", "a", None)]),
        ("", [("start_node", None, None), ("terminal_node", None, None)]),
    ],
)
def test_a_broken_rule_is_reported_with_its_place(
    body: str, expected: list[tuple[str, str | None, tuple[str, str] | None]]
) -> None:
    assert found(body) == expected


@pytest.mark.parametrize("body", ["start end stop [shape=Msquare] start -> end start -> stop"])
def test_a_graph_may_have_several_exits(body: str) -> None:
    assert diagnosed(body) == ()


def test_only_unknown_types_and_shapes_are_warnings() -> None:
    broken = "a [type=x] b [shape=y] end -> a start1 [shape=Mdiamond] start2 [shape=Mdiamond] b -> start1 -> gone"
    severities = {item.rule: item.severity for item in diagnosed(broken + " end")}
    assert {rule for rule, severity in severities.items() if severity == "warning"} == {"type_known", "shape_known"}


def test_every_rule_gives_advice() -> None:
    bodies = [
        "a [type=x] b [shape=y] start -> gone a -> start start end -> a end s [shape=Mdiamond]",
        "a",
    ]
    diagnostics = [item for body in bodies for item in diagnosed(body)]
    assert {item.rule for item in diagnostics} == {rule.__name__ for rule in RULES}
    assert all(item.fix and item.message.endswith(".") for item in diagnostics)


def test_a_message_names_the_node_and_the_value() -> None:
    (diagnostic,) = diagnosed("start draft [type=robot] exit start -> draft -> exit")
    assert diagnostic.message == 'Unknown type "robot" of node "draft": it is ignored.'


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_no_diagnostics(path: Path) -> None:
    assert diagnose(compile_workflow(path.read_text("utf-8"), path.name)) == ()


def test_there_are_examples_of_people_parallel_work_and_commands() -> None:
    handlers = {
        handler
        for path in EXAMPLES
        for handler in compile_workflow(path.read_text("utf-8"), path.name).handlers.values()
    }
    assert {"command", "human", "conditional", "agent", "prompt", "parallel", "parallel.fan_in"} <= handlers
