"""The envelope of an event (events.md E1) and the base of what events say."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec

from fabro_core.models.instant import Instant
from fabro_core.models.principal import Principal

Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""`n` of the catalogue, where it is nothing that is measured or added up; that is a `Count`."""
JsonObject = dict[str, Any]
"""`o` of the catalogue: any JSON object."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event less what it says. Optional scope is left out when absent."""

    seq: int
    id: str
    ts: Instant
    run_id: str
    event: str
    node_id: str | None = None
    node_label: str | None = None
    stage_id: str | None = None
    parallel_group_id: str | None = None
    parallel_branch_id: str | None = None
    session_id: str | None = None
    parent_session_id: str | None = None
    tool_call_id: str | None = None
    actor: Principal | None = None


class RunEvent(Envelope, frozen=True, kw_only=True):
    """One entry of a run's log, as far as it is typed; the stored bytes may hold more keys."""

    properties: msgspec.Raw
    """Always there."""


class Properties(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of the typed properties of an event. What is None is left out; unlisted keys are nobody's business here."""

    event: ClassVar[str]
    """The event's dotted name."""


class TypedEvent(Envelope, frozen=True, kw_only=True):
    """An event with what it says, as the fold takes it."""

    properties: Properties
    """A plain `Properties` when nothing is known of events of this name."""


class StageProperties(Properties, frozen=True, kw_only=True):
    """Properties of an event that may tell the visit of its node (events.md E21); 0: it concerns no stage."""

    visit: Number | None = None


class VisitProperties(Properties, frozen=True, kw_only=True):
    """Properties of an event that always tells the visit of its node; 0: it concerns no stage."""

    visit: Number
