"""What `fabro validate` says: diagnostics as a compiler prints them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, get_args

import click

from fabro_core.models.graph import Severity
from fabro_core.unseen import escaped

if TYPE_CHECKING:
    from fabro_core.client.validating import Verdict
    from fabro_core.models.graph import WorkflowDiagnostic
    from fabro_core.models.validation import PreflightWorkflowSummary


def tell(verdict: Verdict, *, as_json: bool) -> None:
    """Diagnostics on stdout, how many there are on stderr; as JSON what the server answered and nothing else."""
    if as_json:
        click.echo(verdict.answer)
    elif verdict.workflow is None:
        for line in (verdict.refusal or "").splitlines():
            click.echo(escaped(line))
        click.echo("Not a workflow that could be run.", err=True)
    else:
        for diagnostic in verdict.workflow.diagnostics:
            click.echo(shown(diagnostic, verdict.workflow.graph_path))
        click.echo(summary(verdict.workflow), err=True)


def shown(diagnostic: WorkflowDiagnostic, graph_path: str) -> str:
    """`path:line:column: severity: message [rule]`, and what would mend it below."""
    path = diagnostic.source_path or graph_path
    place = ":".join(str(part) for part in (path, diagnostic.line, diagnostic.column) if part)
    also = diagnostic.related or ()
    line = escaped(f"{place}: {diagnostic.severity}: {diagnostic.message} [{diagnostic.rule}]")
    lines = [line, *([f"    {escaped(diagnostic.fix)}"] if diagnostic.fix else [])]
    lines += [f"    {escaped(f'{each.source_path}:{each.line}:{each.column}: {each.message}')}" for each in also]
    return "\n".join(lines)


def summary(workflow: PreflightWorkflowSummary) -> str:
    """How large the workflow is, and how much is wrong with it."""
    found = Counter(diagnostic.severity for diagnostic in workflow.diagnostics)
    counts = ", ".join(_counted(found[severity], severity) for severity in get_args(Severity) if found[severity])
    size = f"{_counted(workflow.nodes, 'node')}, {_counted(workflow.edges, 'edge')}"
    return escaped(f"{workflow.name}: {size}; {counts or 'nothing is wrong'}")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 or what == 'info' else 's'}"
