"""What an agent has at hand, as a fold of its events (events.md E22): todo list, subagents, skills, tools, servers.

Much of what these events say is open: a key that is missing or of another type leaves what is known as it was.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from fabro_core.models.events import JsonObject, RunEvent, agents
from fabro_core.models.run import Count
from fabro_core.models.stage_state import (
    ActivatedSkill,
    McpServerProjection,
    McpServerStatusFailed,
    McpServerStatusReady,
    SkillsProjection,
    SubAgentProjection,
    SubAgentStatus,
    SubAgentStatusClosed,
    SubAgentStatusCompleted,
    SubAgentStatusFailed,
    SubAgentStatusRunning,
    TodoListProjection,
    TodoProjection,
)

TodoProperties = agents.TodoCreated | agents.TodoUpdated | agents.TodoDeleted
SubAgentProperties = (
    agents.AgentSubSpawned
    | agents.AgentSubTurnStarted
    | agents.AgentSubCompleted
    | agents.AgentSubFailed
    | agents.AgentSubClosed
)
McpProperties = agents.AgentMcpReady | agents.AgentMcpFailed

_NULL = msgspec.Raw(b"null")
_TODO_TYPES: dict[str, Any] = {
    field.name: field.type for field in msgspec.structs.fields(TodoProjection) if field.name != "id"
}


# -- todo lists -----------------------------------------------------------------------------------------------------


def todos_after(
    before: TodoListProjection | None, event: RunEvent, properties: TodoProperties
) -> TodoListProjection | None:
    """The list after an event. A stage has one: another list takes its place.

    A subagent's list counts only when it is one that agents share.
    """
    if event.parent_session_id is not None and properties.list_kind != "anthropic_tasks":
        return before
    if before is None or before.list_id != properties.list_id:
        before = TodoListProjection(kind=properties.list_kind, list_id=properties.list_id, items=())
    items = {each.id: each for each in before.items}
    if isinstance(properties, agents.TodoDeleted):
        items.pop(properties.todo_id, None)
    else:
        new = TodoProjection(id=properties.todo_id, status="pending", order=len(items), subject="")
        items[properties.todo_id] = replace(items.get(properties.todo_id, new), **_told(event, _TODO_TYPES))
    ordered = sorted(items.values(), key=lambda each: each.order)
    return TodoListProjection(kind=properties.list_kind, list_id=properties.list_id, items=tuple(ordered))


# -- subagents ------------------------------------------------------------------------------------------------------


def subagents_after(
    before: dict[str, SubAgentProjection], event: RunEvent, properties: SubAgentProperties
) -> dict[str, SubAgentProjection]:
    """The subagents, by their ids, after an event about one of them."""
    known = before.get(properties.agent_id)
    task = _told(event, {"task": str}).get("task", "" if known is None else known.task)
    subagent = SubAgentProjection(
        agent_id=properties.agent_id, depth=properties.depth, task=task, status=_subagent_status(event, properties)
    )
    return {**before, properties.agent_id: subagent}


def _subagent_status(event: RunEvent, properties: SubAgentProperties) -> SubAgentStatus:
    match properties:
        case agents.AgentSubSpawned() | agents.AgentSubTurnStarted():
            return SubAgentStatusRunning()
        case agents.AgentSubCompleted():
            told = _told(event, {"success": bool, "turns_used": Count})
            return SubAgentStatusCompleted(success=told.get("success", True), turns_used=told.get("turns_used", 0))
        case agents.AgentSubFailed():
            return SubAgentStatusFailed(error=_told(event, {"error": msgspec.Raw}).get("error", _NULL))
        case agents.AgentSubClosed():
            return SubAgentStatusClosed()


# -- skills ---------------------------------------------------------------------------------------------------------


def skills_after(
    before: SkillsProjection | None, properties: agents.AgentSkillsDiscovered | agents.AgentSkillActivated
) -> SkillsProjection:
    """The skills after an event; one that is activated again is listed once."""
    known = before or SkillsProjection(available=[], activated=[])
    if isinstance(properties, agents.AgentSkillsDiscovered):
        return replace(known, available=properties.skills)
    skill = ActivatedSkill(name=properties.skill_name, source=properties.source)
    return known if skill in known.activated else replace(known, activated=[*known.activated, skill])


# -- servers of tools -----------------------------------------------------------------------------------------------


def servers_after(before: dict[str, McpServerProjection], properties: McpProperties) -> dict[str, McpServerProjection]:
    """The servers, by their names, after an event about one of them; whether it is invoked is told by `invoked`."""
    match properties:
        case agents.AgentMcpReady(tools=tools):
            status: McpServerStatusReady | McpServerStatusFailed = McpServerStatusReady(tools=tools or [])
            count = properties.tool_count
        case agents.AgentMcpFailed(error=error):
            status, count = McpServerStatusFailed(error=error), 0
    server = McpServerProjection(server_name=properties.server_name, tool_count=count, status=status, invoked=False)
    return {**before, properties.server_name: server}


def tools_with_use(tools: list[agents.AgentToolSummary], called: frozenset[str]) -> list[agents.AgentToolSummary]:
    """The tools, marked as invoked when an agent has `called` them by name."""
    return [replace(tool, invoked=tool.invoked or tool.name in called) for tool in tools]


def servers_with_use(
    servers: dict[str, McpServerProjection], tools: list[agents.AgentToolSummary], called: frozenset[str]
) -> list[McpServerProjection]:
    """The servers, marked as invoked when an agent has `called` one of their tools by name."""
    used = {
        tool.source.server_name
        for tool in tools
        if isinstance(tool.source, agents.AgentToolSourceMcp) and tool.name in called
    }
    return [
        replace(server, invoked=server.server_name in used or bool(called & _tool_names(server)))
        for server in servers.values()
    ]


def _tool_names(server: McpServerProjection) -> set[str]:
    return {tool.name for tool in server.status.tools} if isinstance(server.status, McpServerStatusReady) else set()


# -- open properties ------------------------------------------------------------------------------------------------


def _told(event: RunEvent, types: dict[str, Any]) -> JsonObject:
    """Those of an event's properties that are named and of the right type."""
    properties = msgspec.json.decode(event.properties, type=dict[str, msgspec.Raw])
    told: JsonObject = {}
    for name in types.keys() & properties.keys():
        try:
            told[name] = msgspec.json.decode(properties[name], type=types[name])
        except msgspec.ValidationError:
            continue
    return told
