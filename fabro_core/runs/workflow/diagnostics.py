"""Says what is wrong with a workflow, and where."""

from __future__ import annotations

from msgspec import UNSET

from fabro_core.models.graph import Severity, WorkflowDiagnostic
from fabro_core.runs.workflow.draft import Origin


def diagnostic(
    rule: str,
    severity: Severity,
    message: str,
    *,
    node_id: str | None = None,
    edge: tuple[str, str] | None = None,
    fix: str | None = None,
    origin: Origin | None = None,
) -> WorkflowDiagnostic:
    """A diagnostic that stands where something was written."""
    position = origin.source.position(origin.at) if origin else None
    return WorkflowDiagnostic(
        rule=rule,
        severity=severity,
        message=message,
        node_id=node_id,
        edge=edge,
        fix=fix,
        source_path=origin.source.path if origin else UNSET,
        line=position.line if position else UNSET,
        column=position.column if position else UNSET,
    )
