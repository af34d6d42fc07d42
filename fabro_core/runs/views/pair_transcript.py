"""What was said and done while somebody worked with an agent (resources.md X4), read from the run's log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fabro_core.models.events import PROPERTIES, Properties, RunEvent, agents
from fabro_core.models.pair import (
    PairTranscriptAssistantMessage,
    PairTranscriptDetailRef,
    PairTranscriptEntry,
    PairTranscriptError,
    PairTranscriptSystemMessage,
    PairTranscriptToolCall,
    PairTranscriptUserMessage,
    PairTranscriptWarning,
)
from fabro_core.models.stage import StageId
from fabro_core.runs.fold.pairs import Pair
from fabro_core.store.base import RunStore
from fabro_core.store.records import EventQuery, EventRecord

SUMMARY_CHARS: Final = 200
"""What an entry shows of the arguments or the output of a call."""

_PAGE_EVENTS: Final = 200
_PAGE_BYTES: Final = 512 * 1024
_PAGES: Final = 10
"""How many pages of the log one page of a transcript may take; other stages may say much meanwhile."""
_TOLD: Final = frozenset(
    {
        "agent.pair.user_message",
        "agent.pair.system_message",
        "agent.message",
        "agent.tool.started",
        "agent.tool.completed",
        "agent.error",
        "agent.warning",
    }
)


class TranscriptPage(msgspec.Struct, frozen=True):
    entries: Sequence[PairTranscriptEntry]
    next_since_seq: int
    """Where the next page begins, also while there is nothing there yet."""
    has_more: bool
    """Another page may have entries."""


async def transcript_page(
    store: RunStore, run_id: str, pair_id: str, pair: Pair, *, since_seq: int, limit: int
) -> TranscriptPage:
    """The entries from the event `since_seq` on, `limit` at most, of what the pair's stage told until its end."""
    place = max(since_seq, pair.started_seq)
    before_seq = None if pair.end is None else pair.end.seq
    entries: list[PairTranscriptEntry] = []
    for _ in range(_PAGES):
        query = EventQuery(
            run_id=run_id, after_seq=place - 1, before_seq=before_seq, limit=_PAGE_EVENTS, max_bytes=_PAGE_BYTES
        )
        page = await store.read(query)
        for record in page.events:
            entry = _entry(record, pair_id, pair)
            if entry is not None:
                if len(entries) == limit:
                    return TranscriptPage(entries, place, has_more=True)
                entries.append(entry)
            place = record.seq + 1
        if not page.has_more:
            return TranscriptPage(entries, place, has_more=False)
        await asyncio.sleep(0)
    return TranscriptPage(entries, place, has_more=True)


def _entry(record: EventRecord, pair_id: str, pair: Pair) -> PairTranscriptEntry | None:
    """What an event tells; None when it is not of the pair."""
    if record.kind not in _TOLD:
        return None
    event = msgspec.json.decode(record.body, type=RunEvent)
    properties = msgspec.json.decode(event.properties, type=PROPERTIES[event.event])
    common: dict[str, Any] = {
        "seq": record.seq,
        "event_id": event.id,
        "ts": event.ts,
        "pair_id": pair_id,
        "target": pair.target,
    }
    match properties:
        case agents.AgentPairUserMessage() if properties.pair_id == pair_id:
            return PairTranscriptUserMessage(
                **common,
                message_id=properties.message_id,
                client_message_id=properties.client_message_id,
                text=properties.text,
            )
        case agents.AgentPairSystemMessage(kind="human_joined" | "human_left" as kind) if properties.pair_id == pair_id:
            return PairTranscriptSystemMessage(**common, system_message_kind=kind, text=properties.text)
        case _ if _stage_of(event, properties) == pair.target.stage_id:
            return _of_the_agent(properties, common)
        case _:
            return None


def _stage_of(event: RunEvent, properties: Properties) -> str | None:
    if event.stage_id is not None or event.node_id is None:
        return event.stage_id
    return str(StageId(event.node_id, getattr(properties, "visit", None) or 1))


def _of_the_agent(properties: Properties, common: dict[str, Any]) -> PairTranscriptEntry | None:
    match properties:
        case agents.AgentMessage(text=text, tool_call_count=count):
            return PairTranscriptAssistantMessage(**common, text=text, tool_call_count=count)
        case agents.AgentToolStarted():
            return _call(properties, common, "started", properties.arguments, is_error=False)
        case agents.AgentToolCompleted():
            return _call(properties, common, "completed", properties.output, is_error=properties.is_error)
        case agents.AgentError(error=error):
            return PairTranscriptError(**common, message=_message(error), detail_ref=_where(common))
        case agents.AgentWarning(kind=kind, message=message):
            return PairTranscriptWarning(**common, warning_kind=kind, message=message, detail_ref=_where(common))
        case _:
            return None


def _call(
    call: agents.AgentToolStarted | agents.AgentToolCompleted,
    common: dict[str, Any],
    status: Any,
    told: Any,
    *,
    is_error: bool,
) -> PairTranscriptToolCall:
    text = _text(told)
    return PairTranscriptToolCall(
        **common,
        tool_call_id=call.tool_call_id,
        tool_name=call.tool_name,
        status=status,
        summary=text[:SUMMARY_CHARS],
        is_error=is_error,
        truncated=len(text) > SUMMARY_CHARS,
        detail_ref=PairTranscriptDetailRef(seq=common["seq"], tool_call_id=call.tool_call_id),
    )


def _where(common: dict[str, Any]) -> PairTranscriptDetailRef:
    return PairTranscriptDetailRef(seq=common["seq"])


def _message(error: Any) -> str:
    """What an error says of itself, however the agent has put it."""
    told = error.get("message") if isinstance(error, dict) else error
    return told if isinstance(told, str) else _text(error)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
