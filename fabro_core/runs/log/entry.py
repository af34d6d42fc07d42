"""An event on its way into a log: typed for the reducer, encoded for the store, numbered when it is its turn."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec.structs import replace
from uuid_utils import uuid7

from fabro_core.models.events import Properties, TypedEvent
from fabro_core.models.events.sessions import TurnProperties
from fabro_core.models.instant import format_instant
from fabro_core.models.principal import Principal
from fabro_core.models.stage import StageId
from fabro_core.store.records import EventRecord

_UNNUMBERED = 0
_PREFIX = b'{"seq":%d,'


class Entry(NamedTuple):
    """An event without its sequence number."""

    event: TypedEvent
    encoded: bytes
    """A JSON object on one line, without `seq`; it may hold more keys than the typed event."""

    def numbered(self, seq: int) -> TypedEvent:
        return replace(self.event, seq=seq)

    def record(self, seq: int) -> EventRecord:
        """What the store keeps."""
        return EventRecord(
            seq=seq, kind=self.event.event, body=_PREFIX % seq + self.encoded[1:], tags=tags_of(self.event)
        )


class Place(msgspec.Struct, frozen=True):
    """Where in a workflow, or in which session about a run, something happened."""

    node_id: str | None = None
    node_label: str | None = None
    stage_id: str | None = None
    session_id: str | None = None


class PlacedChange(msgspec.Struct, frozen=True):
    """What an event says, of one place."""

    properties: Properties
    place: Place


Change = Properties | PlacedChange
"""An event that the server decides to write."""


def own_entry(change: Change, run_id: str, *, actor: Principal, now: datetime) -> Entry:
    """The entry of an event that the server writes for `actor` (events.md E2)."""
    properties, place = (change.properties, change.place) if isinstance(change, PlacedChange) else (change, Place())
    event = TypedEvent(
        seq=_UNNUMBERED,
        id=str(uuid7()),
        ts=format_instant(now),
        run_id=run_id,
        event=properties.event,
        node_id=place.node_id,
        node_label=place.node_label,
        stage_id=place.stage_id,
        session_id=place.session_id,
        actor=actor,
        properties=properties,
    )
    return Entry(event, b"{" + msgspec.json.encode(event).removeprefix(_PREFIX % _UNNUMBERED))


def stage_tag(stage_id: str) -> str:
    """What finds the events of a stage."""
    return f"stage:{stage_id}"


def session_tag(session_id: str) -> str:
    """What finds the events of a session."""
    return f"session:{session_id}"


def turn_tag(session_id: str, turn_id: str) -> str:
    """What finds the events of one turn of a session about a run."""
    return f"turn:{session_id}:{turn_id}"


def tags_of(event: TypedEvent) -> tuple[str, ...]:
    """What stores can filter by (events.md E2)."""
    tags = []
    if event.stage_id is not None:
        tags.append(stage_tag(event.stage_id))
    elif event.node_id is not None:
        tags.append(stage_tag(str(StageId(event.node_id, 1))))
    if event.session_id is not None:
        tags.append(session_tag(event.session_id))
        if isinstance(event.properties, TurnProperties):
            tags.append(turn_tag(event.session_id, event.properties.turn_id))
    return tuple(tags)
