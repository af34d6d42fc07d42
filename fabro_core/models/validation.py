"""What is said about a workflow that is not run yet (runs.md R8.7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from fabro_core.models.graph import WorkflowDiagnostic


class PreflightWorkflowSummary(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    graph_path: str
    """Of the target in the manifest, in normal form."""
    nodes: int
    edges: int
    goal: str
    diagnostics: Sequence[WorkflowDiagnostic]


class ValidateResponse(msgspec.Struct, frozen=True, kw_only=True):
    ok: bool
    """No diagnostic is an error."""
    workflow: PreflightWorkflowSummary


class PreflightCheckDetail(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    warn: bool


class PreflightCheckResult(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    status: Literal["pass", "warning", "error"]
    summary: str
    details: list[PreflightCheckDetail]
    remediation: str | None


class PreflightCheckSection(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    checks: list[PreflightCheckResult]


class PreflightCheckReport(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    sections: list[PreflightCheckSection]


class PreflightResponse(msgspec.Struct, frozen=True, kw_only=True):
    ok: bool
    """Neither a diagnostic nor a check is an error."""
    workflow: PreflightWorkflowSummary
    checks: PreflightCheckReport
