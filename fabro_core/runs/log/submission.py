"""Reads an event that a client appends (events.md E3, checks 1 to 4): all that can be told without the run.

What is stored is what was submitted, every unknown key included. The text is decoded once, to be judged and folded; the
stored text is the submitted one, cut up and put together anew, never an encoding of what was decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from fabro_core.errors import InvalidRequest
from fabro_core.models import events
from fabro_core.models.client_text import refuse_nul, text_of
from fabro_core.models.events import PROPERTIES, Properties, TypedEvent
from fabro_core.models.events.catalogue import RESERVED
from fabro_core.models.ids import RunId
from fabro_core.models.instant import format_instant, parse_instant
from fabro_core.models.principal import Principal
from fabro_core.models.stage import is_branch_id, parse_stage_id
from fabro_core.models.type_faults import type_fault
from fabro_core.runs.log.entry import Entry, tags_of

_SCOPE = (
    "node_id",
    "node_label",
    "stage_id",
    "parallel_group_id",
    "parallel_branch_id",
    "session_id",
    "parent_session_id",
    "tool_call_id",
    "actor",
)
_COMPACT = -1
_EMPTY_OBJECT = msgspec.Raw(b"{}")
_NULL = b"null"


class SubmittedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What of a submitted event has a meaning; a `seq` in it has none."""

    id: str
    ts: str
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
    properties: dict[str, Any] = msgspec.field(default_factory=dict)


def read_submission(body: bytes, run_id: RunId) -> Entry:
    """The event in a request body, for the log of `run_id`. Raises `InvalidRequest` for the first fault."""
    submitted, members = _decode(body)
    ts = _well_formed(submitted)
    if submitted.run_id != run_id:
        raise InvalidRequest("run_id: must be that of the path, in upper case.")
    if submitted.event in RESERVED:
        raise InvalidRequest(f"event: {submitted.event} comes from its own endpoint alone.")
    event = TypedEvent(
        seq=0,
        id=submitted.id,
        ts=ts,
        run_id=submitted.run_id,
        event=submitted.event,
        node_id=submitted.node_id,
        node_label=submitted.node_label,
        stage_id=submitted.stage_id,
        parallel_group_id=submitted.parallel_group_id,
        parallel_branch_id=submitted.parallel_branch_id,
        session_id=submitted.session_id,
        parent_session_id=submitted.parent_session_id,
        tool_call_id=submitted.tool_call_id,
        actor=submitted.actor,
        properties=_typed(submitted, members),
    )
    refuse_nul("What finds an event or a run", _searchable(event))
    return Entry(event, _encode(members, ts))


def _searchable(event: TypedEvent) -> Iterator[str]:
    """The texts that a store does not only keep as a part of the event's bytes, but finds things by."""
    yield event.event
    yield from tags_of(event)
    if isinstance(event.properties, events.RunParentLinked):
        yield event.properties.parent_id


_Members = dict[str, msgspec.Raw]
"""The text of each member of an object."""


def _decode(body: bytes) -> tuple[SubmittedEvent, _Members]:
    try:
        text = text_of(body)
        submitted = msgspec.convert(msgspec.json.decode(text), SubmittedEvent)
        return submitted, msgspec.json.decode(text, type=_Members)
    except msgspec.ValidationError as error:
        raise InvalidRequest(type_fault(error).line()) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest("The request body is not valid JSON.") from error
    except RecursionError as error:
        raise InvalidRequest("The request body is nested too deeply.") from error


def _well_formed(submitted: SubmittedEvent) -> str:
    """The canonical instant of an event whose texts have the right form."""
    for name in ("id", "event"):
        if not getattr(submitted, name):
            raise InvalidRequest(f"{name}: must not be empty.")
    if submitted.stage_id is not None and parse_stage_id(submitted.stage_id) is None:
        raise InvalidRequest("stage_id: must be NODE@VISIT.")
    if submitted.parallel_branch_id is not None and not is_branch_id(submitted.parallel_branch_id):
        raise InvalidRequest("parallel_branch_id: must be NODE@VISIT:INDEX.")
    try:
        return format_instant(parse_instant(submitted.ts))
    except (ValueError, OverflowError) as error:
        raise InvalidRequest("ts: must be an RFC 3339 date-time.") from error


def _typed(submitted: SubmittedEvent, members: _Members) -> Properties:
    kind = PROPERTIES.get(submitted.event)
    try:
        match kind:
            case None:
                return Properties()
            case events.RunCreated:  # keeps the text of its parts, which a decoded value does not have
                return msgspec.json.decode(members.get("properties", _EMPTY_OBJECT), type=kind)
            case _:
                return msgspec.convert(submitted.properties, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(type_fault(error, "properties").line()) from error


def _encode(members: _Members, ts: str) -> bytes:
    """The event as it was submitted, on one line: without `seq` and absent scope, with the canonical instant."""
    kept = {key: value for key, value in members.items() if not (key in _SCOPE and bytes(value) == _NULL)}
    kept.pop("seq", None)
    kept["ts"] = msgspec.Raw(msgspec.json.encode(ts))
    kept["properties"] = kept.pop("properties", _EMPTY_OBJECT)
    return msgspec.json.format(msgspec.json.encode(kept), indent=_COMPACT)
