"""The pull request of a run, and the making of one, as a fold of its events (events.md E16, E21)."""

from __future__ import annotations

from msgspec.structs import replace

from fabro_core.models.events import Envelope
from fabro_core.models.events.infrastructure import (
    PullRequestCreated,
    PullRequestCreationRequested,
    PullRequestFailed,
    PullRequestLinked,
    PullRequestUnlinked,
)
from fabro_core.models.run import PullRequestCreation, PullRequestLink

PullRequestProperties = (
    PullRequestCreationRequested | PullRequestCreated | PullRequestLinked | PullRequestUnlinked | PullRequestFailed
)


def link_after(before: PullRequestLink | None, properties: PullRequestProperties) -> PullRequestLink | None:
    """The link after an event."""
    match properties:
        case PullRequestCreated():
            return _created(properties)
        case PullRequestLinked(pull_request=link):
            return link
        case PullRequestUnlinked():
            return None
        case _:
            return before


def creation_after(
    before: PullRequestCreation | None, event: Envelope, properties: PullRequestProperties
) -> PullRequestCreation | None:
    """The creation record after an event; only a pending one can be resolved."""
    if isinstance(properties, PullRequestCreationRequested):
        return PullRequestCreation(
            id=properties.creation_id,
            status="pending",
            model=properties.model,
            force=properties.force,
            requested_at=event.ts,
            updated_at=event.ts,
        )
    if before is None or before.status != "pending":
        return before
    match properties:
        case PullRequestCreated():
            return replace(before, status="succeeded", updated_at=event.ts, pull_request=_created(properties))
        case PullRequestFailed(creation_id=creation_id, error=error) if creation_id == before.id:
            return replace(before, status="failed", updated_at=event.ts, error=error)
        case _:
            return before


def _created(created: PullRequestCreated) -> PullRequestLink:
    return PullRequestLink(
        owner=created.owner,
        repo=created.repo,
        number=created.pr_number,
        html_url=f"https://github.com/{created.owner}/{created.repo}/pull/{created.pr_number}",
    )
