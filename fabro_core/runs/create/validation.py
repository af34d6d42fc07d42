"""What is wrong with a workflow, told before a run of it is created (runs.md R8.7)."""

from __future__ import annotations

import asyncio

import msgspec

from fabro_core.models.graph import WorkflowDiagnostic
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
from fabro_core.runs.create.create import COMPILE_ON_LOOP_MAX_BYTES
from fabro_core.runs.create.manifest import read_manifest
from fabro_core.runs.create.plan import RunDraft, compile_target, settle
from fabro_core.runs.workflow.compile import CompiledWorkflow
from fabro_core.runs.workflow.rules import diagnose


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow that was compiled, and the graph rules that it breaks."""

    draft: RunDraft
    workflow: CompiledWorkflow
    diagnostics: tuple[WorkflowDiagnostic, ...]

    @property
    def ok(self) -> bool:
        """Whether a run can be created."""
        return not any(diagnostic.severity == "error" for diagnostic in self.diagnostics)


async def validate(manifest: bytes) -> Validation:
    """Judge a manifest. Raises `InvalidRequest` for anything but a broken graph rule (R8.2, steps 1 to 5)."""
    if len(manifest) <= COMPILE_ON_LOOP_MAX_BYTES:
        return _judged(manifest)
    return await asyncio.to_thread(_judged, manifest)


def _judged(manifest: bytes) -> Validation:
    draft = settle(read_manifest(manifest), variables={}, environments={})
    workflow = compile_target(draft)
    return Validation(draft=draft, workflow=workflow, diagnostics=diagnose(workflow))


def validate_response(validation: Validation) -> ValidateResponse:
    return ValidateResponse(ok=validation.ok, workflow=_summary(validation))


def preflight_response(validation: Validation) -> PreflightResponse:
    """The same, with what can be told about the surroundings. No check fails: nothing is there to probe with."""
    provider = validation.draft.settings.run.environment.provider
    section = PreflightCheckSection(title="Sandbox", checks=[_unprobed(provider)])
    report = PreflightCheckReport(title="Preflight", sections=[section])
    return PreflightResponse(ok=validation.ok, workflow=_summary(validation), checks=report)


def _summary(validation: Validation) -> PreflightWorkflowSummary:
    graph = validation.workflow.graph
    return PreflightWorkflowSummary(
        name=graph.name,
        graph_path=validation.workflow.path,
        nodes=len(graph.nodes),
        edges=len(graph.edges),
        goal=graph.goal,
        diagnostics=validation.diagnostics,
    )


def _unprobed(provider: SandboxProvider) -> PreflightCheckResult:
    return PreflightCheckResult(
        name="provider",
        status="warning",
        summary="No sandbox driver is installed.",
        details=[PreflightCheckDetail(text=provider, warn=True)],
        remediation=None,
    )
