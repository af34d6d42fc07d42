"""What an agent has at hand, as a fold of its events (events.md E22): todo list, subagents, skills, tools, servers.

Much of what these events say is open: a key that is missing or of another type leaves what is known as it was.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from fabro_core.models.counts import Count
from fabro_core.models.events import JsonObject, RunEvent, agents
from fabro_core.models.stage_state import (
    McpServerProjection,
    McpServerStatusFailed,
    McpServerStatusReady,
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


class TodoList:
    """The list of a stage in the making."""

    def __init__(self, properties: TodoProperties) -> None:
        self.list_id: Final = properties.list_id
        self._kind = properties.list_kind
        self._items: dict[str, TodoProjection] = {}
        """By their ids, in the order of their first events."""

    def take(self, event: RunEvent, properties: TodoProperties) -> None:
        """Go on with an event about the list."""
        self._kind = properties.list_kind
        todo_id = properties.todo_id
        if isinstance(properties, agents.TodoDeleted):
            self._items.pop(todo_id, None)
        else:
            before = self._items.get(todo_id)
            if before is None:
                before = TodoProjection(id=todo_id, status="pending", order=len(self._items), subject="")
            self._items[todo_id] = replace(before, **_told(event, _TODO_TYPES))

    def projection(self) -> TodoListProjection:
        """The list as of the events so far."""
        ordered = sorted(self._items.values(), key=lambda each: each.order)
        return TodoListProjection(kind=self._kind, list_id=self.list_id, items=tuple(ordered))


def todos_after(before: TodoList | None, event: RunEvent, properties: TodoProperties) -> TodoList | None:
    """The list after an event, which `before` has taken if it is about it. A stage has one: another list takes its
    place.

    A subagent's list counts only when it is one that agents share.
    """
    if event.parent_session_id is not None and properties.list_kind != "anthropic_tasks":
        return before
    todos = before if before is not None and before.list_id == properties.list_id else TodoList(properties)
    todos.take(event, properties)
    return todos


# -- subagents ------------------------------------------------------------------------------------------------------


def subagent_after(
    known: SubAgentProjection | None, event: RunEvent, properties: SubAgentProperties
) -> SubAgentProjection:
    """A subagent after an event about it."""
    task = _told(event, {"task": str}).get("task", "" if known is None else known.task)
    status = _subagent_status(event, properties)
    return SubAgentProjection(agent_id=properties.agent_id, depth=properties.depth, task=task, status=status)


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


# -- servers of tools -----------------------------------------------------------------------------------------------


def server_of(properties: McpProperties) -> McpServerProjection:
    """A server as an event tells it; whether it is invoked is told by `servers_with_use`."""
    match properties:
        case agents.AgentMcpReady(tools=tools):
            status: McpServerStatusReady | McpServerStatusFailed = McpServerStatusReady(tools=tools or [])
            count = properties.tool_count
        case agents.AgentMcpFailed(error=error):
            status, count = McpServerStatusFailed(error=error), 0
    return McpServerProjection(server_name=properties.server_name, tool_count=count, status=status, invoked=False)


def tools_with_use(tools: list[agents.AgentToolSummary], called: Set[str]) -> list[agents.AgentToolSummary]:
    """The tools, marked as invoked when an agent has `called` them by name."""
    return [replace(tool, invoked=tool.invoked or tool.name in called) for tool in tools]


def servers_with_use(
    servers: dict[str, McpServerProjection], tools: list[agents.AgentToolSummary], called: Set[str]
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
