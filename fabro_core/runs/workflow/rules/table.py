"""All rules, in the order in which they are reported (language.md L13)."""

from __future__ import annotations

from fabro_core.models.graph import WorkflowDiagnostic
from fabro_core.runs.workflow.draft import Draft
from fabro_core.runs.workflow.handlers import Roles
from fabro_core.runs.workflow.rules.backend import backend_valid
from fabro_core.runs.workflow.rules.handling import (
    command_requires_script,
    for_each_contract,
    freeform_edge_count,
    goal_gate_has_retry,
    inert_attribute,
    join_policy_removed,
    prompt_on_llm_nodes,
    script_absolute_cd,
    script_prompt_conflict,
    stdin_source_valid,
)
from fabro_core.runs.workflow.rules.models import ModelCatalogue, model_diagnostics
from fabro_core.runs.workflow.rules.parallel import parallel_branch_inert_attribute, thread_id_requires_fidelity_full
from fabro_core.runs.workflow.rules.structure import (
    all_conditional_edges,
    edge_target_exists,
    exit_no_outgoing,
    orphan_custom_outcome,
    random_selection_no_conditions,
    reachability,
    reserved_keyword_node_id,
    retry_target_exists,
    start_no_incoming,
    start_node,
    terminal_node,
)
from fabro_core.runs.workflow.rules.subject import Rule, Subject
from fabro_core.runs.workflow.rules.values import (
    attribute_type,
    condition_syntax,
    direction_valid,
    fidelity_valid,
    selection_valid,
    shape_known,
    stylesheet_syntax,
    type_known,
    unresolved_file_ref,
)

RULES: tuple[Rule, ...] = (
    start_node,
    terminal_node,
    reachability,
    edge_target_exists,
    start_no_incoming,
    exit_no_outgoing,
    condition_syntax,
    stylesheet_syntax,
    type_known,
    shape_known,
    attribute_type,
    backend_valid,
    fidelity_valid,
    retry_target_exists,
    goal_gate_has_retry,
    prompt_on_llm_nodes,
    freeform_edge_count,
    for_each_contract,
    stdin_source_valid,
    direction_valid,
    reserved_keyword_node_id,
    all_conditional_edges,
    orphan_custom_outcome,
    script_absolute_cd,
    command_requires_script,
    join_policy_removed,
    unresolved_file_ref,
    thread_id_requires_fidelity_full,
    selection_valid,
    random_selection_no_conditions,
    script_prompt_conflict,
    inert_attribute,
    parallel_branch_inert_attribute,
)


def broken_rules(draft: Draft, roles: Roles, models: ModelCatalogue | None = None) -> tuple[WorkflowDiagnostic, ...]:
    """Everything that is wrong with a graph; empty when nothing is. Without `models` nobody knows which there are."""
    subject = Subject(draft, roles)
    found = tuple(found for rule in RULES for found in rule(subject))
    return found if models is None else (*found, *model_diagnostics(subject, models))
