"""The catalogue of events (events.md E22): which names have typed properties, and which a client may not append.

A name that is not in here is legal too; its properties are any JSON object.
"""

from __future__ import annotations

from typing import Final

import msgspec

from fabro_core.models.events.agents import AGENT_EVENTS
from fabro_core.models.events.created import RunCreated, RunSubmitted
from fabro_core.models.events.envelope import Properties, RunEvent, TypedEvent
from fabro_core.models.events.infrastructure import INFRASTRUCTURE_EVENTS
from fabro_core.models.events.run import RUN_EVENTS
from fabro_core.models.events.sessions import SESSION_EVENTS
from fabro_core.models.events.stages import STAGE_EVENTS

_TYPED: tuple[type[Properties], ...] = (
    RunCreated,
    RunSubmitted,
    *RUN_EVENTS,
    *SESSION_EVENTS,
    *STAGE_EVENTS,
    *AGENT_EVENTS,
    *INFRASTRUCTURE_EVENTS,
)
PROPERTIES: Final = {kind.event: kind for kind in _TYPED}
"""Every event with typed properties, by its name."""


def typed(event: RunEvent) -> TypedEvent:
    """An event of a log with its properties decoded."""
    kind = PROPERTIES.get(event.event)
    properties = Properties() if kind is None else msgspec.json.decode(event.properties, type=kind)
    return TypedEvent(**(msgspec.structs.asdict(event) | {"properties": properties}))


RESERVED: Final = frozenset(
    {
        "run.archived",
        "run.unarchived",
        "run.title.updated",
        "run.cancel.requested",
        "run.pause.requested",
        "run.unpause.requested",
        "run.steer",
        "run.interrupt",
        "pull_request.linked",
        "pull_request.unlinked",
    }
)
"""Come from their own endpoints alone (events.md E3)."""

FOR_USERS: Final = frozenset(
    {"run.start_requested", "run.pending", "run.approved", "run.denied", "run.runnable", "run.removing"}
)
"""A worker may not append these: it cannot approve its own run (events.md E3)."""
