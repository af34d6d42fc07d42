"""Compiles a workflow: text, statements, graph, imports, files, templates, stylesheet, rules (language.md).

Once, when a run is created; what comes out is the finished graph, and nothing of the language is left to whoever
executes it.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from fabro_core.models.graph import Graph, GraphEdge, GraphNode, String, WorkflowDiagnostic
from fabro_core.runs.workflow.attributes import text_of
from fabro_core.runs.workflow.draft import Budget, Draft, TooLarge
from fabro_core.runs.workflow.files import WorkflowFiles
from fabro_core.runs.workflow.grammar import parse
from fabro_core.runs.workflow.handlers import roles_of
from fabro_core.runs.workflow.imports import Importer
from fabro_core.runs.workflow.literal_texts import detemplated_attribute
from fabro_core.runs.workflow.rules.models import ModelCatalogue
from fabro_core.runs.workflow.rules.table import broken_rules
from fabro_core.runs.workflow.scopes import TOO_LARGE, draft_of
from fabro_core.runs.workflow.source import Source
from fabro_core.runs.workflow.stylesheet import StylesheetError, parse_stylesheet
from fabro_core.runs.workflow.texts import Names, Texts


class CompiledWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """A graph, and everything that is wrong with it."""

    graph: Graph
    path: str
    """Of the workflow file."""
    diagnostics: tuple[WorkflowDiagnostic, ...]
    """In the order of language.md L13. A name in a template that has no value is a warning here."""
    fills_templates: bool
    """False: neither the names nor what the goal says went into it, but for the goal itself."""

    def with_goal(self, goal: str) -> CompiledWorkflow:
        """The same with another plain goal, where no template is filled."""
        attrs = {**self.graph.attrs, "goal": String(goal)}
        return replace(self, graph=replace(self.graph, attrs=attrs))


_NO_NAMES = Names()


def compile_workflow(
    files: WorkflowFiles,
    names: Names = _NO_NAMES,
    goal: str | None = None,
    *,
    models: ModelCatalogue | None = None,
) -> CompiledWorkflow:
    """The finished graph that a workflow file describes.

    `goal` replaces what the graph states as its goal, unless it is None. Without `models` no model is judged. Raises
    `WorkflowSyntaxError`, and `InvalidRequest` for the other faults that leave no graph (language.md L8 to L10, L14).
    """
    budget = Budget()
    draft = draft_of(parse(Source(files.path, files.source)), budget)
    texts = Texts(files, names, budget)
    of_goal = texts.finish_goal(draft, goal)
    of_imports = Importer(files, texts, budget).expand(draft)
    of_prompts = texts.finish_prompts(draft, budget)
    texts.finish_references(draft)
    roles = roles_of(draft.nodes.values())
    of_literals = tuple(detemplated_attribute(draft, roles))
    of_scripts = texts.finish_scripts(draft, roles)
    _apply_stylesheet(draft, budget)
    found = (*of_imports, *of_goal, *of_prompts, *of_literals, *of_scripts)
    return CompiledWorkflow(
        graph=_graph(draft),
        path=files.path,
        diagnostics=(*found, *broken_rules(draft, roles, models)),
        fills_templates=texts.names_are_used,
    )


def _apply_stylesheet(draft: Draft, budget: Budget) -> None:
    """Give nodes what the stylesheet says, where they say nothing. One that cannot be read says nothing."""
    try:
        sheet = parse_stylesheet(text_of(draft.attrs, "model_stylesheet") or "")
    except StylesheetError:
        return
    for node in draft.nodes.values():
        for key, value in sheet.properties_of(node).items():
            if key not in node.attrs:
                try:
                    budget.spend(key, value)
                except TooLarge:
                    raise node.origin.source.fault(node.origin.at, TOO_LARGE) from None
                node.attrs[key] = String(value)


def _graph(draft: Draft) -> Graph:
    return Graph(
        name=draft.name,
        attrs=draft.attrs,
        nodes={
            node.id: GraphNode(id=node.id, attrs=node.attrs, classes=tuple(node.classes))
            for node in draft.nodes.values()
        },
        edges=tuple(GraphEdge(source=edge.source, target=edge.target, attrs=edge.attrs) for edge in draft.edges),
    )
