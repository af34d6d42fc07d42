"""Reading a run's log (events.md E4, E5): pages of stored bytes, and one event with its content cut to size."""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from fabro_core.errors import NotFound
from fabro_core.redaction import NOTHING_SECRET, REDACTED, Redaction
from fabro_core.runs.log.entry import OUTCOME
from fabro_core.store.base import RunStore
from fabro_core.store.records import EventPage, EventQuery

ContentKind = Literal["text", "tool_output", "tool_arguments", "error", "details"]

_SUMMARY = ("seq", "id", "ts", "run_id", "event")
_SCOPE = ("actor", "session_id", "node_id", "node_label", "stage_id", "tool_call_id")
_CONTENT: Final[dict[str, ContentKind]] = {
    "text": "text",
    "output": "tool_output",
    "arguments": "tool_arguments",
    "error": "error",
    "details": "details",
}
"""The kind of content by the property that holds it, in the order in which they are looked for."""

_Object = dict[str, msgspec.Raw]


class EventContent(msgspec.Struct, frozen=True, kw_only=True):
    """The longest property of an event."""

    kind: ContentKind
    value: str


class EventDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event with its content apart."""

    event: _Object
    properties: _Object
    content: EventContent | None = None
    truncated: bool
    redacted: bool
    max_content_length: int
    """In bytes."""


def page_json(page: EventPage) -> bytes:
    """The body of a list answer, spliced from stored bytes."""
    has_more = b"true" if page.has_more else b"false"
    return b'{"data":[%b],"meta":{"has_more":%b}}' % (b",".join(event.body for event in page.events), has_more)


async def read_event(store: RunStore, run_id: str, seq: int) -> bytes:
    """The envelope of one event. Raises `NotFound` when the run's log has no such event."""
    page = await store.read(EventQuery(run_id=run_id, after_seq=seq - 1, before_seq=seq + 1, limit=1))
    if not page.events:
        raise NotFound(f"Run {run_id} has no event {seq}.", code="event_not_found")
    return page.events[0].body


def without_secrets(page: EventPage, redaction: Redaction) -> EventPage:
    """The page as everybody but the run's own worker reads it.

    Few events have any: what people tell a worker, and what was not secret yet when it was stored.
    """
    if not redaction.suspects(b"\n".join(event.body for event in page.events)):
        return page
    events = tuple(replace(event, body=body_without_secrets(event.body, redaction)) for event in page.events)
    return replace(page, events=events)


def body_without_secrets(body: bytes, redaction: Redaction) -> bytes:
    """The same for an encoded event."""
    if not redaction.suspects(body):
        return body
    event = msgspec.json.decode(body, type=_Object)
    before = msgspec.json.decode(event["properties"], type=_Object)
    after = {
        name: value if name == OUTCOME else msgspec.Raw(redaction.json(bytes(value))) for name, value in before.items()
    }
    if after == before:
        return body
    event["properties"] = msgspec.Raw(msgspec.json.encode(after))
    return msgspec.json.encode(event)


async def event_detail(
    store: RunStore, run_id: str, seq: int, *, max_content_bytes: int, redaction: Redaction = NOTHING_SECRET
) -> EventDetail:
    """One event of a run that exists. Raises `NotFound` when its log has no such event."""
    event = msgspec.json.decode(body_without_secrets(await read_event(store, run_id, seq), redaction), type=_Object)
    redacted = REDACTED.encode() in bytes(event["properties"])
    properties = msgspec.json.decode(event["properties"], type=_Object)
    key = next((key for key in _CONTENT if key in properties), None)
    content = None if key is None else _content(properties.pop(key))
    cut = None if content is None else _cut(content, max_content_bytes)
    return EventDetail(
        event={name: event[name] for name in (*_SUMMARY, *_SCOPE) if name in event},
        properties=properties,
        content=None if key is None or cut is None else EventContent(kind=_CONTENT[key], value=cut),
        truncated=cut != content,
        redacted=redacted,
        max_content_length=max_content_bytes,
    )


def _content(value: msgspec.Raw) -> str:
    """A text as it is, anything else as JSON."""
    text = bytes(value).decode()
    return msgspec.json.decode(text, type=str) if text.startswith('"') else text


def _cut(text: str, max_bytes: int) -> str:
    """As much of a text as fits, ending with a whole character."""
    encoded = text.encode()
    return text if len(encoded) <= max_bytes else encoded[:max_bytes].decode(errors="ignore")
