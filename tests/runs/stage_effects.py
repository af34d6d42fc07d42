"""Every effect of an event on what the state of a run says about a stage (events.md E22, column P), as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.runs.folding import DRAFT, RUNNING
from tests.runs.samples import MODEL, SUB, TIMING, TOKENS

Step = tuple[str, Any] | tuple[str, Any, dict[str, Any]] | str
"""An event: its name, what differs in its properties, and its scope when that is not the stage `draft@1`."""

SESSION = {**DRAFT, "session_id": "s"}
OTHER_SESSION = {**DRAFT, "session_id": "t"}
OF_SUBAGENT = {**SESSION, "parent_session_id": "p"}

TOOL = {"name": "sh", "description": "d", "source": {"kind": "native"}, "category": "shell", "invoked": False}
MCP_TOOL = {**TOOL, "name": "find", "source": {"kind": "mcp", "server_name": "s", "original_name": "find"}}
TOOLS = ("agent.tools.available", {"tools": [TOOL, MCP_TOOL]})
READY = ("agent.mcp.ready", {"tools": [{"name": "look", "original_name": "look"}]})
SKILL = {"name": "write", "description": "d"}
WINDOW = {
    "provider": "p",
    "model": "m",
    "context_window_tokens": 10,
    "input_tokens": 1,
    "usage_percent": 10.0,
    "count_method": "local_estimate",
    "staleness": "live",
    "generated_at": "2026-03-02T10:00:00Z",
    "breakdown": [],
    "warnings": [],
}
BROKEN = {"failure": {"message": "It broke.", "category": "deterministic"}}
CANCELED = {"failure": {"message": "Stopped.", "category": "canceled"}}
RESULT = {"id": "left", "status": "succeeded", "context_updates": {"a": 1}}
BEGUN_TODO = {"id": "t", "status": "in_progress", "order": 0, "subject": "Write"}
CALL = {"session_id": "s", "started_at": "2026-03-02T10:00:02Z", "requested_model": MODEL, "retries": 0}
SERVER = {"server_name": "s", "tool_count": 1, "invoked": False}
BEGUN: list[Step] = [(name, None, {}) for name in RUNNING]
SPAWNED = {"agent_id": "a", "depth": 1, "task": "Look"}

EFFECTS: dict[str, tuple[Sequence[Step], dict[str, Any]]] = {
    "stage.started": (
        ["stage.started"],
        {"started_at": "2026-03-02T10:00:02Z", "handler": "agent", "state": "running", "timing": None},
    ),
    "stage.started that goes on": (
        [("stage.started", {"graph_visit": 3, "resumed_from_stage_id": "draft@9"})],
        {"graph_visit": 3, "resumed_from_stage_id": "draft@9"},
    ),
    "stage.started again": (
        [
            "command.started",
            "command.completed",
            ("stage.completed", {"response": "r"}),
            "agent.acp.started",
            "stage.started",
        ],
        {
            "response": None,
            "completion": None,
            "output": None,
            "script_invocation": None,
            "script_timing": None,
            "timing": None,
            "state": "running",
            "termination": ...,
            "acp_started_at": ...,
        },
    ),
    "stage.retrying": (["stage.retrying"], {"state": "retrying"}),
    "stage.completed": (
        [("stage.completed", {"status": "partially_succeeded", "response": "r", "notes": "n", "billing": TOKENS})],
        {
            "state": "partially_succeeded",
            "response": "r",
            "timing": TIMING,
            "usage": TOKENS,
            "completion": {
                "outcome": "partially_succeeded",
                "notes": "n",
                "failure_reason": None,
                "timestamp": "2026-03-02T10:00:02Z",
            },
        },
    ),
    "stage.completed without a response": (
        ["prompt.completed", "stage.completed"],
        {"response": "Done", "state": "succeeded"},
    ),
    "stage.failed": (
        [("stage.failed", BROKEN)],
        {
            "state": "failed",
            "timing": TIMING,
            "completion": {
                "outcome": "failed",
                "notes": None,
                "failure_reason": "It broke.",
                "timestamp": "2026-03-02T10:00:02Z",
            },
        },
    ),
    "stage.failed to be retried": (
        [("stage.failed", {"will_retry": True})],
        {"state": "retrying", "completion": None},
    ),
    "stage.failed when cancelled": ([("stage.failed", CANCELED)], {"state": "cancelled"}),
    "stage.failed when cancelled after its agent had exited": (
        ["agent.acp.started", "agent.acp.completed", ("stage.failed", CANCELED)],
        {"state": "failed"},
    ),
    "stage.prompt": (
        [("stage.prompt", {"mode": "prompt", "provider": "p", "model": "m", "speed": "fast"})],
        {
            "prompt": "Write",
            "provider_used": {"mode": "prompt", "provider": "p", "model": "m", "speed": "fast"},
        },
    ),
    "prompt.completed": (
        [("prompt.completed", {"billing": TOKENS})],
        {"response": "Done", "usage": TOKENS, "model": {"provider": "p", "model_id": "m"}},
    ),
    "parallel.branch.started": (
        [("parallel.branch.started", None, {**DRAFT, "parallel_branch_id": "fan@1:0"})],
        {"state": "running", "started_at": "2026-03-02T10:00:02Z", "parallel_branch_id": "fan@1:0"},
    ),
    "parallel.branch.completed": (
        ["parallel.branch.completed"],
        {
            "state": "succeeded",
            "timing": {"wall_time_ms": 5, "inference_time_ms": 0, "tool_time_ms": 0, "active_time_ms": 0},
            "completion": {
                "outcome": "succeeded",
                "notes": None,
                "failure_reason": None,
                "timestamp": "2026-03-02T10:00:02Z",
            },
        },
    ),
    "parallel.completed": ([("parallel.completed", {"results": [RESULT]})], {"parallel_results": [RESULT]}),
    "checkpoint.completed": ([("checkpoint.completed", {"diff": "--- a"})], {"diff": "--- a", "state": "pending"}),
    "checkpoint.completed without a diff": (
        [("checkpoint.completed", {"diff": "--- a"}), "checkpoint.completed"],
        {"diff": "--- a"},
    ),
    "agent.session.activated": (
        [("agent.session.activated", {"provider": "p", "permission_level": "read-only"}, SESSION)],
        {"provider_used": {"mode": "agent", "provider": "p"}, "permission_level": "read-only"},
    ),
    "agent.session.deactivated": (
        [("agent.round.interrupted", None, SESSION), ("agent.session.deactivated", None, SESSION)],
        {"agent_control": "running"},
    ),
    "agent.session.ended": (
        [
            ("agent.llm.started", None, SESSION),
            ("agent.tool.started", None, SESSION),
            ("agent.session.ended", None, {"session_id": "s"}),
        ],
        {"inference": ..., "tool_batch": ..., "live_inference_ms": 2000, "live_tool_ms": 1000},
    ),
    "agent.tools.available": ([TOOLS], {"agent_tools": [TOOL, MCP_TOOL]}),
    "agent.message": (
        ["agent.message", ("agent.message", {"context_window": WINDOW}), "agent.message"],
        {
            "usage": {key: 3 * value for key, value in TOKENS.items()},
            "model": MODEL,
            "context_window": {**WINDOW, "event_seq": 3},
            "response": None,
        },
    ),
    "agent.llm.started": ([("agent.llm.started", None, SESSION)], {"inference": CALL}),
    "agent.llm.first_output": (
        [
            ("agent.llm.started", None, SESSION),
            ("agent.llm.first_output", {"kind": "reasoning"}, SESSION),
            ("agent.llm.first_output", {"kind": "text"}, SESSION),
        ],
        {"inference": {**CALL, "first_output_at": "2026-03-02T10:00:03Z", "first_output_kind": "reasoning"}},
    ),
    "agent.llm.retry": (
        [("agent.llm.started", None, SESSION), *[("agent.llm.retry", None, SESSION)] * 2],
        {"inference": {**CALL, "retries": 2}},
    ),
    "agent.llm.retry of no call": ([("agent.llm.retry", None, SESSION)], {"inference": ...}),
    "agent.llm.started in two sessions": (
        [("agent.llm.started", None, SESSION), ("agent.llm.started", None, OTHER_SESSION)],
        {"inference": {**CALL, "session_id": "t", "started_at": "2026-03-02T10:00:03Z"}},
    ),
    "agent.error": (
        [("agent.llm.started", None, SESSION), ("agent.error", None, SESSION)],
        {"inference": ..., "live_inference_ms": 1000},
    ),
    "agent.tool.started": (
        [
            TOOLS,
            ("agent.tool.started", {"tool_call_id": "c-1"}, SESSION),
            ("agent.tool.started", {"tool_call_id": "c-2"}, SESSION),
        ],
        {
            "tool_batch": {"session_id": "s", "started_at": "2026-03-02T10:00:03Z", "open_call_ids": ["c-1", "c-2"]},
            "agent_tools": [{**TOOL, "invoked": True}, MCP_TOOL],
        },
    ),
    "agent.tool.completed": (
        [("agent.tool.started", None, SESSION), ("agent.tool.completed", None, SESSION)],
        {"tool_batch": ..., "live_tool_ms": 1000},
    ),
    "agent.round.interrupted": (["agent.round.interrupted"], {"agent_control": "waiting_for_steer"}),
    "agent.steering.injected": (
        ["agent.round.interrupted", "agent.steering.injected"],
        {"agent_control": "running"},
    ),
    "agent.sub.spawned": (
        [("agent.sub.spawned", {"task": "Look"})],
        {"subagents": [{**SPAWNED, "status": {"kind": "running"}}]},
    ),
    "agent.sub.turn.started": (
        [("agent.sub.spawned", {"task": "Look"}), "agent.sub.closed", "agent.sub.turn.started"],
        {"subagents": [{**SPAWNED, "status": {"kind": "running"}}]},
    ),
    "agent.sub.completed": (
        [("agent.sub.spawned", {"task": "Look"}), ("agent.sub.completed", {"success": False, "turns_used": 4})],
        {"subagents": [{**SPAWNED, "status": {"kind": "completed", "success": False, "turns_used": 4}}]},
    ),
    "agent.sub.failed": (
        [("agent.sub.spawned", {"task": "Look"}), ("agent.sub.failed", {"error": {"why": "tired"}})],
        {"subagents": [{**SPAWNED, "status": {"kind": "failed", "error": {"why": "tired"}}}]},
    ),
    "agent.sub.closed of several": (
        [
            ("agent.sub.spawned", {"task": "Look"}),
            ("agent.sub.spawned", {**SUB, "agent_id": "b"}),
            "agent.sub.closed",
        ],
        {
            "subagents": [
                {**SPAWNED, "status": {"kind": "closed"}},
                {"agent_id": "b", "depth": 1, "task": "", "status": {"kind": "running"}},
            ]
        },
    ),
    "agent.mcp.ready": (
        [READY],
        {"mcp_servers": [{**SERVER, "status": {"kind": "ready", "tools": READY[1]["tools"]}}]},
    ),
    "agent.mcp.ready whose tool is called": (
        [READY, ("agent.tool.started", {"tool_name": "look"}, SESSION)],
        {"mcp_servers": [{**SERVER, "invoked": True, "status": {"kind": "ready", "tools": READY[1]["tools"]}}]},
    ),
    "agent.mcp.ready whose tool is called by the agent's list": (
        ["agent.mcp.ready", TOOLS, ("agent.tool.started", {"tool_name": "find"}, SESSION)],
        {"mcp_servers": [{**SERVER, "invoked": True, "status": {"kind": "ready", "tools": []}}]},
    ),
    "agent.mcp.failed": (
        [READY, "agent.mcp.failed"],
        {"mcp_servers": [{**SERVER, "tool_count": 0, "status": {"kind": "failed", "error": "e"}}]},
    ),
    "agent.skills.discovered": (
        [("agent.skills.discovered", {"skills": [SKILL]})],
        {"skills": {"available": [SKILL], "activated": []}},
    ),
    "agent.skill.activated": (
        ["agent.skill.activated", "agent.skill.activated", ("agent.skills.discovered", {"skills": [SKILL]})],
        {"skills": {"available": [SKILL], "activated": [{"name": "s", "source": "slash"}]}},
    ),
    "agent.acp.started": (["agent.acp.started"], {"acp_started_at": "2026-03-02T10:00:02Z"}),
    "agent.acp.completed": (
        [("agent.acp.completed", {"stdout": "out", "stderr": "err"})],
        {
            "output": "out",
            "termination": "exited",
            "script_timing": {"duration_ms": 5, "termination": "exited", "exit_code": None},
        },
    ),
    "agent.acp.cancelled": (["agent.acp.started", "agent.acp.cancelled"], {"termination": "cancelled"}),
    "agent.acp.timed_out": (
        [("agent.acp.timed_out", {"stdout": "out"})],
        {
            "output": "out",
            "termination": "timed_out",
            "script_timing": {"duration_ms": 5, "termination": "timed_out", "exit_code": None},
        },
    ),
    "command.started": (
        ["command.started"],
        {"script_invocation": {"script": "s", "command": "c", "language": "sh", "timeout_ms": None}},
    ),
    "command.completed": (
        [("command.completed", {"exit_code": 3, "output_bytes": 1, "live_streaming": False})],
        {
            "output": "o",
            "output_bytes": 1,
            "live_streaming": False,
            "termination": "exited",
            "script_timing": {"duration_ms": 5, "termination": "exited", "exit_code": 3},
        },
    ),
    "command.started again": (
        ["command.completed", "command.started"],
        {"output": None, "script_timing": None, "termination": ...},
    ),
    "todo.created": (
        [("todo.created", {**BEGUN_TODO, "blocks": ["u"], "metadata": {"a": 1}})],
        {
            "todos": {
                "kind": "openai_plan",
                "list_id": "l",
                "items": [{**BEGUN_TODO, "blocks": ["u"], "metadata": {"a": 1}}],
            }
        },
    ),
    "todo.updated": (
        [
            ("todo.created", BEGUN_TODO),
            ("todo.created", {"todo_id": "u", "subject": "Send"}),
            ("todo.updated", {"status": "completed", "order": 7}),
        ],
        {
            "todos": {
                "kind": "openai_plan",
                "list_id": "l",
                "items": [
                    {"id": "u", "status": "pending", "order": 1, "subject": "Send"},
                    {**BEGUN_TODO, "status": "completed", "order": 7},
                ],
            }
        },
    ),
    "todo.deleted": (
        [("todo.created", BEGUN_TODO), "todo.deleted"],
        {"todos": {"kind": "openai_plan", "list_id": "l", "items": []}},
    ),
    "todo.created in another list": (
        [("todo.created", BEGUN_TODO), ("todo.created", {**BEGUN_TODO, "list_id": "m"})],
        {"todos": {"kind": "openai_plan", "list_id": "m", "items": [BEGUN_TODO]}},
    ),
    "todo.created by a subagent": ([("todo.created", BEGUN_TODO, OF_SUBAGENT)], {"todos": ...}),
    "todo.created by a subagent for all": (
        [("todo.created", {**BEGUN_TODO, "list_kind": "anthropic_tasks"}, OF_SUBAGENT)],
        {"todos": {"kind": "anthropic_tasks", "list_id": "l", "items": [BEGUN_TODO]}},
    ),
    "run.failed": (
        [*BEGUN, "stage.started", ("agent.llm.started", None, SESSION), ("run.failed", None, {})],
        {
            "state": "failed",
            "inference": ...,
            "timing": {"wall_time_ms": 2000, "inference_time_ms": 1000, "tool_time_ms": 0, "active_time_ms": 1000},
        },
    ),
}
"""By what happens: the events, and what the stage then says; `...` for what it does not say."""
