"""Facets of a run: short texts that a store finds it by (runs.md R7.5). Who asks for them makes them here, too.

What is compared without regard to case is folded here, so that a store compares bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

from fabro_core.models.principal import PrincipalUser
from fabro_core.runs.fold.projection import Projection

_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def ascii_fold(text: str) -> str:
    """Lower case for `A` to `Z` alone, as lists compare text (runs.md R7.3)."""
    return text.translate(_ASCII_LOWER)


def of_parent(run_id: str) -> str:
    """Of the children of a run."""
    return f"parent:{run_id}"


def of_automation(automation_id: str) -> str:
    """Of the runs that an automation has made."""
    return f"automation:{automation_id}"


def of_workflow(name: str) -> str:
    """Of the runs whose workflow has this slug or display name."""
    return f"workflow:{ascii_fold(name)}"


def of_repository(name: str) -> str:
    """Of the runs on a repository."""
    return f"repo:{ascii_fold(name)}"


def of_login(login: str) -> str:
    """Of the runs that somebody of this login has created."""
    return f"login:{ascii_fold(login)}"


def of_identity(issuer: str, subject: str) -> str:
    """Of the runs that exactly one person has created."""
    return f"person:{len(issuer)}:{issuer}{subject}"


def of_label(key: str, value: str | None = None) -> str:
    """Of the runs that have a label; None: with whatever value."""
    return f"labelled:{key}" if value is None else f"label:{len(key)}:{key}{value}"


def facets_of(run: Projection) -> tuple[str, ...]:
    """All facets of a run, each once."""
    return tuple(dict.fromkeys(_facets(run)))


def _facets(run: Projection) -> Iterator[str]:
    if run.parent_id is not None:
        yield of_parent(run.parent_id)
    if run.automation is not None:
        yield of_automation(run.automation.id)
    for name in (run.workflow.slug, run.workflow.display_name):
        if name:
            yield of_workflow(name)
    if run.repository.name:
        yield of_repository(run.repository.name)
    if isinstance(run.created_by, PrincipalUser):
        yield of_login(run.created_by.login)
        yield of_identity(run.created_by.identity.issuer, run.created_by.identity.subject)
    for key, value in run.labels.items():
        yield of_label(key)
        yield of_label(key, value)
