"""What replies in sessions about runs. Public: the interface of a responder with what it is given and what it yields.

Everything else in this package is the core's own: turns, who goes on replying, and what becomes of a reply.
"""

from __future__ import annotations

from fabro_core.models.session import SessionMessage
from fabro_core.sessions.base import (
    ChangedFile,
    Delta,
    EventsRead,
    Failure,
    Message,
    ModelChoice,
    OutputRead,
    ReplyPart,
    RunReader,
    SessionResponder,
    ToolCallCompleted,
    ToolCallStarted,
    Turn,
)

__all__ = [
    "ChangedFile",
    "Delta",
    "EventsRead",
    "Failure",
    "Message",
    "ModelChoice",
    "OutputRead",
    "ReplyPart",
    "RunReader",
    "SessionMessage",
    "SessionResponder",
    "ToolCallCompleted",
    "ToolCallStarted",
    "Turn",
]
