"""What is wrong with a workflow, told before a run of it is created (runs.md R8.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fabro_core.models.run import SandboxProvider
from fabro_core.models.validation import (
    PreflightCheckDetail,
    PreflightCheckReport,
    PreflightCheckResult,
    PreflightCheckSection,
    PreflightResponse,
    PreflightWorkflowSummary,
    ValidateResponse,
)

if TYPE_CHECKING:
    from fabro_core.runs.create.plan import Judgement


def validate_response(judgement: Judgement) -> ValidateResponse:
    return ValidateResponse(ok=not judgement.errors, workflow=_summary(judgement))


def preflight_response(judgement: Judgement) -> PreflightResponse:
    """The same, with what can be told about the surroundings. No check fails: nothing is there to probe with."""
    judgement = judgement.before_a_run()
    provider = judgement.settled.settings.run.environment.provider
    section = PreflightCheckSection(title="Sandbox", checks=[_unprobed(provider)])
    report = PreflightCheckReport(title="Preflight", sections=[section])
    return PreflightResponse(ok=not judgement.errors, workflow=_summary(judgement), checks=report)


def _summary(judgement: Judgement) -> PreflightWorkflowSummary:
    graph = judgement.workflow.graph
    return PreflightWorkflowSummary(
        name=graph.name,
        graph_path=judgement.workflow.path,
        nodes=len(graph.nodes),
        edges=len(graph.edges),
        goal=graph.goal,
        diagnostics=judgement.diagnostics,
    )


def _unprobed(provider: SandboxProvider) -> PreflightCheckResult:
    return PreflightCheckResult(
        name="provider",
        status="warning",
        summary="No sandbox driver is installed.",
        details=[PreflightCheckDetail(text=provider, warn=True)],
        remediation=None,
    )
