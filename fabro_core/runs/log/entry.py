"""An event on its way into a log: typed for the reducer, encoded for the store, numbered when it is its turn."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace
from uuid_utils import uuid7

from fabro_core.models.events import Properties, TypedEvent
from fabro_core.models.events.sessions import TurnProperties
from fabro_core.models.instant import format_instant
from fabro_core.models.principal import Principal
from fabro_core.models.stage import StageId
from fabro_core.redaction import NOTHING_SECRET, Redaction
from fabro_core.store.records import EventRecord

VERBATIM: Final = frozenset({"run.steer", "interview.completed"})
"""What people tell the worker of a run: it gets their words as they are, and everybody else without secrets (events.md
E2). Of all other events secrets are taken out before they are stored."""

OUTCOME: Final = "status"
"""A property that is a text by its type, and a word of the protocol by what the state machine makes of it."""

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


def own_entry(
    change: Change, run_id: str, *, actor: Principal, now: datetime, redaction: Redaction = NOTHING_SECRET
) -> Entry:
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
    entry = Entry(event, b"{" + msgspec.json.encode(event).removeprefix(_PREFIX % _UNNUMBERED))
    return entry if event.event in VERBATIM else redacted(entry, redaction)


def redacted(entry: Entry, redaction: Redaction) -> Entry:
    """The entry without the values of secrets in its properties.

    A property that would not be one any more stays: a word of the protocol gives no secret away, and without it nobody
    could read the log.
    """
    if not redaction.suspects(entry.encoded):
        return entry
    members = msgspec.json.decode(entry.encoded, type=dict[str, msgspec.Raw])
    kept = msgspec.json.decode(members["properties"], type=dict[str, msgspec.Raw])
    typed = entry.event.properties
    changed = False
    for name, value in kept.items():
        without = redaction.json(bytes(value))
        if without != bytes(value) and name != OUTCOME:
            tried = {**kept, name: msgspec.Raw(without)}
            try:
                typed = _as_typed(typed, tried)
            except msgspec.ValidationError:
                continue
            kept, changed = tried, True
    if not changed:
        return entry
    members["properties"] = msgspec.Raw(msgspec.json.encode(kept))
    return Entry(replace(entry.event, properties=typed), msgspec.json.encode(members))


def _as_typed(before: Properties, properties: dict[str, msgspec.Raw]) -> Properties:
    kind = type(before)
    return before if kind is Properties else msgspec.json.decode(msgspec.json.encode(properties), type=kind)


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
