"""Models and providers that a catalogue does not have (language.md L13)."""

from __future__ import annotations

from fabro_core.models.graph import WorkflowDiagnostic
from fabro_core.runs.workflow.compile import compile_workflow
from fabro_core.runs.workflow.files import WorkflowFiles, found_in
from fabro_core.runs.workflow.rules.models import ModelCatalogue

CATALOGUE = ModelCatalogue(models=("claude-sonnet-4-5", "sonnet"), providers=("anthropic", "openai"))


def diagnosed(body: str, models: ModelCatalogue | None = CATALOGUE) -> list[WorkflowDiagnostic]:
    source = f"digraph D {{\n start end a [prompt=p] start -> a -> end\n {body}\n}}"
    files = WorkflowFiles("w.fabro", source, found_in({}))
    return list(compile_workflow(files, models=models).diagnostics)


def test_what_the_catalogue_has_is_known() -> None:
    assert (
        diagnosed('a [model=sonnet, provider=openai] graph [model_stylesheet="* { model: claude-sonnet-4-5; }"]') == []
    )


def test_without_a_catalogue_every_model_is_let_pass() -> None:
    assert diagnosed('a [model=x] graph [model_stylesheet="* { provider: y; }"]', None) == []


def test_a_node_that_names_another_is_warned_of() -> None:
    (model, provider) = diagnosed("a [model=sonet, provider=nobody]")
    assert (model.rule, model.severity, model.node_id) == ("node_model_known", "warning", "a")
    assert '"sonet"' in model.message
    assert '"sonnet"' in str(model.fix)
    assert (model.line, model.column) == (3, 5)
    assert ('"nobody"' in provider.message, provider.column) == (True, 18)


def test_a_default_is_told_of_at_each_node_that_has_it() -> None:
    found = diagnosed("node [model=gpt] b [prompt=p] c [prompt=p] start -> b -> c -> end")
    assert [(each.rule, each.node_id) for each in found] == [("node_model_known", "b"), ("node_model_known", "c")]


def test_a_stylesheet_is_told_of_once_for_each_value() -> None:
    sheet = "* { model: gpt; } .x { model: gpt; provider: anthropc; } #a { model: sonnet; }"
    found = diagnosed(f'graph [model_stylesheet="{sheet}"]')
    assert [(each.rule, each.node_id, each.line) for each in found] == [("stylesheet_model_known", None, 3)] * 2
    assert ['"gpt"' in found[0].message, '"anthropic"' in str(found[1].fix)] == [True, True]


def test_model_rules_come_behind_all_others() -> None:
    found = diagnosed('graph [rankdir=XX, model_stylesheet="* { model: gpt; }"] a [model=y]')
    assert [each.rule for each in found] == ["direction_valid", "stylesheet_model_known", "node_model_known"]


def test_a_stylesheet_that_cannot_be_read_names_no_model() -> None:
    assert [each.rule for each in diagnosed('graph [model_stylesheet="* { model"]')] == ["stylesheet_syntax"]
