"""What was said in a session about a run (resources.md X2), read from the run's log page by page."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from fabro_core.models.events import PROPERTIES, Envelope, Properties, RunEvent, sessions
from fabro_core.models.session import SessionMessage
from fabro_core.runs.log.entry import session_tag
from fabro_core.store.base import RunStore
from fabro_core.store.records import EventQuery

_PAGE_EVENTS = 200
_PAGE_BYTES = 512 * 1024
_SPOKEN = frozenset(
    {
        "run.session.user_message",
        "run.session.assistant_message",
        "run.session.tool_call.started",
        "run.session.tool_call.completed",
    }
)


async def session_messages(store: RunStore, run_id: str, session_id: str, *, last_seq: int) -> list[SessionMessage]:
    """The messages of a session up to an event, in their order."""
    conversation = _Conversation()
    after_seq = 0
    while after_seq < last_seq:
        page = await store.read(
            EventQuery(
                run_id=run_id,
                tag=session_tag(session_id),
                after_seq=after_seq,
                before_seq=last_seq + 1,
                limit=_PAGE_EVENTS,
                max_bytes=_PAGE_BYTES,
            )
        )
        for record in page.events:
            if record.kind in _SPOKEN:
                event = msgspec.json.decode(record.body, type=RunEvent)
                conversation.take(event, msgspec.json.decode(event.properties, type=PROPERTIES[event.event]))
        if not page.has_more:
            break
        after_seq = page.events[-1].seq
        await asyncio.sleep(0)
    return conversation.messages


class _Conversation:
    """Messages so far. An assistant's message takes the tool calls that follow it in its turn."""

    def __init__(self) -> None:
        self.messages: list[SessionMessage] = []
        self._turn_id = ""
        self._calls: list[Any] | None = None
        """Of the last assistant message of the turn; None: it has none yet."""

    def take(self, event: Envelope, properties: Properties) -> None:
        assert isinstance(properties, sessions.TurnProperties)
        if properties.turn_id != self._turn_id:
            self._turn_id, self._calls = properties.turn_id, None
        match properties:
            case sessions.RunSessionUserMessage(text=text):
                self.messages.append(SessionMessage(kind="user", content=text, timestamp=event.ts))
            case sessions.RunSessionAssistantMessage(text=text, usage=usage):
                self._calls = []
                self.messages.append(
                    SessionMessage(
                        kind="assistant", content=text, timestamp=event.ts, usage=usage, tool_calls=self._calls
                    )
                )
            case sessions.RunSessionToolCallStarted(tool_name=name, tool_call_id=call_id, arguments=arguments):
                if self._calls is None:
                    self._calls = []
                    self.messages.append(SessionMessage(kind="assistant", timestamp=event.ts, tool_calls=self._calls))
                self._calls.append({"tool_call_id": call_id, "tool_name": name, "arguments": arguments})
            case sessions.RunSessionToolCallCompleted():
                self.messages.append(_results(event, properties))


def _results(event: Envelope, completed: sessions.RunSessionToolCallCompleted) -> SessionMessage:
    result = {
        "tool_call_id": completed.tool_call_id,
        "tool_name": completed.tool_name,
        "output": completed.output,
        "is_error": completed.is_error,
    }
    return SessionMessage(kind="tool_results", timestamp=event.ts, results=[result])
