"""Agent sessions that are live in a run (resources.md X3), as a fold of its events."""

from __future__ import annotations

import msgspec

from fabro_core.models.events import Envelope, Properties, agents


class AgentSession(msgspec.Struct, frozen=True, omit_defaults=True):
    """A session that an agent works in."""

    steerable: bool
    stage_id: str | None = None
    node_label: str | None = None


AgentSessions = dict[str, AgentSession]
"""By session id."""


def sessions_after(live: AgentSessions, event: Envelope, properties: Properties) -> AgentSessions:
    """The live sessions after an event; one that ends a session which is not live changes nothing."""
    match properties:
        case agents.AgentSessionActivated(capabilities=capabilities):
            return {**live, _key(event): AgentSession("steer" in capabilities, event.stage_id, event.node_label)}
        case agents.AgentAcpStarted():
            return {**live, _key(event): AgentSession(False, event.stage_id, event.node_label)}
        case (
            agents.AgentSessionDeactivated()
            | agents.AgentAcpCompleted()
            | agents.AgentAcpCancelled()
            | agents.AgentAcpTimedOut()
        ):
            return {each: session for each, session in live.items() if each != _key(event)}
        case _:
            return live


def _key(event: Envelope) -> str:
    """An agent behind the Agent Client Protocol need not name its session; its stage stands for it."""
    return event.session_id or event.stage_id or ""
