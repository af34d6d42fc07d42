"""Says what is wrong with a workflow, and where."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from msgspec import UNSET

from fabro_core.models.graph import RelatedWorkflowDiagnostic, Severity, WorkflowDiagnostic
from fabro_core.runs.workflow.draft import Origin
from fabro_core.runs.workflow.lexer import Lexer

_MOST_RELATED = 10
"""Places that one diagnostic names beside its own."""


def diagnostic(
    rule: str,
    severity: Severity,
    message: str,
    *,
    node_id: str | None = None,
    edge: tuple[str, str] | None = None,
    fix: str | None = None,
    origin: Origin | None = None,
    related: Iterable[tuple[str, Origin]] = (),
) -> WorkflowDiagnostic:
    """A diagnostic that stands where something was written; `related` says what stands elsewhere, and where."""
    position = origin.source.position(origin.at) if origin else None
    places = tuple(_related(message, place) for message, place in islice(related, _MOST_RELATED))
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
        span_start=origin.at if origin else UNSET,
        span_len=_end(origin) - origin.at if origin else UNSET,
        related=places or UNSET,
    )


def _end(origin: Origin) -> int:
    """Offset behind the value of an attribute, or behind the name that a statement begins with."""
    value = origin.value
    if value is not None and not value.quoted:
        return value.at + len(value.text)
    return Lexer(origin.source).symbol(origin.at if value is None else value.at).end


def _related(message: str, origin: Origin) -> RelatedWorkflowDiagnostic:
    line, column = origin.source.position(origin.at)
    return RelatedWorkflowDiagnostic(message=message, source_path=origin.source.path, line=line, column=column)
