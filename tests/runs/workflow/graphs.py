"""Workflows for tests: compiled from their statements, with the files and names that they need."""

from __future__ import annotations

from typing import Any

from fabro_core.models.graph import Attributes, Graph, WorkflowDiagnostic
from fabro_core.runs.workflow.compile import CompiledWorkflow, compile_workflow
from fabro_core.runs.workflow.files import WorkflowFiles, found_in
from fabro_core.runs.workflow.texts import Names

PATH = "flows/w.fabro"

Found = tuple[str, str | None, tuple[str, str] | None]
"""Rule, node and edge of a diagnostic."""


def compiled_text(
    source: str,
    *,
    files: dict[str, str] | None = None,
    contents: dict[str, str] | None = None,
    goal: str | None = None,
    variables: dict[str, str] | None = None,
    **inputs: Any,
) -> CompiledWorkflow:
    """A whole workflow file; `files` are seen from its directory, `contents` have their normal paths."""
    everything = {f"flows/{path}": text for path, text in (files or {}).items()} | (contents or {})
    return compile_workflow(WorkflowFiles(PATH, source, found_in(everything)), Names(inputs, variables or {}), goal)


def compiled(body: str, **given: Any) -> CompiledWorkflow:
    """The statements of a workflow."""
    return compiled_text(f"digraph D {{ {body} }}", **given)


def graph_of(body: str, **given: Any) -> Graph:
    return compiled(body, **given).graph


def attrs(body: str, node_id: str, **given: Any) -> Attributes:
    return graph_of(body, **given).nodes[node_id].attrs


def diagnosed(body: str, **given: Any) -> list[WorkflowDiagnostic]:
    """What is wrong with a graph of these statements between a start and an exit, both of which it may name."""
    return list(compiled(f"start end {body}", **given).diagnostics)


def found(body: str, **given: Any) -> list[Found]:
    return [(item.rule, item.node_id, item.edge) for item in diagnosed(body, **given)]


def rules(body: str, **given: Any) -> list[str]:
    return [item.rule for item in diagnosed(body, **given)]


def of_node(rule: str, node_id: str) -> Found:
    return (rule, node_id, None)


def of_edge(rule: str, source: str, target: str) -> Found:
    return (rule, None, (source, target))


def of_graph(rule: str) -> Found:
    return (rule, None, None)
