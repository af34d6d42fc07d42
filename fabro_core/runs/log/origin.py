"""What a run was made of: the first event of its log (runs.md R8.6)."""

from __future__ import annotations

import msgspec

from fabro_core.errors import NotFound
from fabro_core.models.events import RunCreated, RunEvent
from fabro_core.store.base import RunStore
from fabro_core.store.records import EventQuery


class _AgentSettings(msgspec.Struct, frozen=True):
    fabro_tools: bool = False


class _RunSettings(msgspec.Struct, frozen=True):
    agent: _AgentSettings = _AgentSettings()


class _Settings(msgspec.Struct, frozen=True):
    run: _RunSettings = _RunSettings()


async def read_created(store: RunStore, run_id: str) -> RunCreated:
    """The `run.created` of a run; settings and graph in it are not decoded. Raises `NotFound`."""
    page = await store.read(EventQuery(run_id=run_id, limit=1))
    if not page.events:
        raise NotFound(f"Run {run_id} not found.")
    first = msgspec.json.decode(page.events[0].body, type=RunEvent)
    return msgspec.json.decode(first.properties, type=RunCreated)


def gives_agents_tools(created: RunCreated) -> bool:
    """Whether the run's agents may manage runs themselves: its setting `run.agent.fabro_tools`."""
    return msgspec.json.decode(created.settings, type=_Settings).run.agent.fabro_tools
