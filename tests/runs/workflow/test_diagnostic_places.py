"""Where diagnostics point: the place, how long it is, and what belongs to it elsewhere (language.md L13)."""

from __future__ import annotations

import pytest

from fabro_core.models.graph import WorkflowDiagnostic
from tests.runs.workflow.graphs import compiled_text


def only(source: str, rule: str) -> WorkflowDiagnostic:
    (found,) = [each for each in compiled_text(source).diagnostics if each.rule == rule]
    return found


@pytest.mark.parametrize(
    ("statement", "rule", "span"),
    [
        ("a [type=robot]", "type_known", "type=robot"),
        ('a [type = /* who */ "ro\\"bot"]', "type_known", 'type = /* who */ "ro\\"bot"'),
        ("a [timeout=300, label=A]", "attribute_type", "timeout=300"),
        ('a -> b [condition="x ==\n 1"] a -> end', "condition_syntax", 'condition="x ==\n 1"'),
        ("a -> nowhere", "edge_target_exists", "a"),
        ('"two words" [shape=parallelogram]', "command_requires_script", '"two words"'),
    ],
)
def test_a_span_is_what_is_at_fault(statement: str, rule: str, span: str) -> None:
    text = f"digraph D {{ start end a b\n  {statement}\n}}"
    found = only("\ufeff" + text, rule)
    assert isinstance(found.span_start, int)
    assert isinstance(found.span_len, int)
    assert text[found.span_start : found.span_start + found.span_len] == span
    assert found.line == text.count("\n", 0, found.span_start) + 1


def places(found: WorkflowDiagnostic) -> list[tuple[str, int, int]]:
    return [(each.message, each.line, each.column) for each in found.related or ()]


def test_every_other_start_is_related() -> None:
    found = only("digraph D {\n start -> end\n start\n  Start\n   s [shape=Mdiamond]\n end }", "start_node")
    assert (found.line, found.column) == (4, 3)
    assert places(found) == [('"start" is a start node, too.', 3, 2), ('"s" is a start node, too.', 5, 4)]


def test_edges_that_must_not_be_are_related() -> None:
    source = "digraph D {\n start end a\n start -> a -> end\n a -> start\n  end -> a\n}"
    assert places(only(source, "start_no_incoming")) == [('The edge "a" -> "start".', 4, 2)]
    assert places(only(source, "exit_no_outgoing")) == [('The edge "end" -> "a".', 5, 3)]


def test_related_places_are_not_more_than_a_reader_takes_in() -> None:
    starts = " ".join(f"s{index} [shape=Mdiamond]" for index in range(500))
    assert len(places(only(f"digraph D {{ {starts} end }}", "start_node"))) == 10
