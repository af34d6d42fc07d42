"""Hooks in settings files: what is called when something happens in a run (run-settings.md T4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from fabro_core.runs.settings.faults import listed
from fabro_core.runs.settings.kinds import (
    Command,
    Count,
    Duration,
    FileTable,
    Flag,
    Text,
    Unfit,
    VariableText,
    Variant,
    VariantKind,
)
from fabro_core.runs.settings.table import Rule

HookEvent = Literal[
    "run_start",
    "run_complete",
    "run_failed",
    "stage_start",
    "stage_complete",
    "stage_failed",
    "stage_retrying",
    "edge_selected",
    "parallel_start",
    "parallel_complete",
    "sandbox_ready",
    "sandbox_cleanup",
    "checkpoint_saved",
    "pre_tool_use",
    "post_tool_use",
    "post_tool_use_failure",
]


class Hook(FileTable, frozen=True, kw_only=True):
    """What all hooks have."""

    event: Annotated[HookEvent, Rule.SET]
    """When it is called."""
    id: Annotated[Text | None, Rule.SET] = None
    """A hook replaces that of the same id in the layers below, in its place."""
    name: Annotated[VariableText | None, Rule.SET] = None
    """What it is called in logs; its id without it."""
    matcher: Annotated[VariableText | None, Rule.SET] = None
    """Which stages or tools it is called for."""
    blocking: Annotated[Flag | None, Rule.SET] = None
    """Whether the run waits for it."""
    sandbox: Annotated[Flag | None, Rule.SET] = None
    """Whether it is executed inside the sandbox."""
    timeout: Annotated[Duration | None, Rule.SET] = None
    """How long it may take."""


class CommandHook(Hook, frozen=True, kw_only=True):
    """A hook that executes something: either `script` or `command`."""

    exactly_one_of = ("script", "command")

    script: Annotated[VariableText | None, Rule.SET] = None
    """Source for the shell."""
    command: Annotated[Command | None, Rule.SET] = None
    """A program and its arguments."""


class HttpHook(Hook, frozen=True, kw_only=True):
    """A hook that sends a request."""

    url: Annotated[VariableText, Rule.SET]
    """Where to."""
    headers: Annotated[dict[str, VariableText] | None, Rule.SET] = None
    """Headers of the request."""
    tls: Annotated[Literal["verify", "no_verify", "off"] | None, Rule.SET] = None
    """What is asked of the server's certificate; `verify` without it."""


class PromptHook(Hook, frozen=True, kw_only=True):
    """A hook that asks a model."""

    prompt: Annotated[VariableText, Rule.SET]
    """What is asked."""
    model: Annotated[VariableText | None, Rule.SET] = None
    """Which model."""


class AgentHook(Hook, frozen=True, kw_only=True):
    """A hook that sets an agent to work."""

    agent: Annotated[Literal["enabled"], Rule.SET]
    """Says that it is an agent."""
    prompt: Annotated[VariableText | None, Rule.SET] = None
    """What the agent is to do."""
    model: Annotated[VariableText | None, Rule.SET] = None
    """Which model."""
    max_tool_rounds: Annotated[Count | None, Rule.SET] = None
    """How often it may use tools."""


_COMMAND: Final = Variant("hook with a command", CommandHook, "`script` or `command`")
_HTTP: Final = Variant("hook with a URL", HttpHook, "`url`")
_PROMPT: Final = Variant("hook with a prompt", PromptHook, "`prompt` without `agent`")
_AGENT: Final = Variant("hook with an agent", AgentHook, '`agent = "enabled"`')


def _choose(table: Mapping[str, object]) -> Variant:
    chosen = {
        "script or command": _COMMAND if "script" in table or "command" in table else None,
        "url": _HTTP if "url" in table else None,
        "agent": _AGENT if "agent" in table else None,
        "prompt": _PROMPT if "prompt" in table and "agent" not in table else None,
    }
    match [(keys, variant) for keys, variant in chosen.items() if variant]:
        case [(_, variant)]:
            return variant
        case []:
            raise Unfit("needs exactly one of script, command, url, prompt and agent")
        case several:
            raise Unfit(f"has {listed((keys for keys, _ in several), 'and')}, of which only one may be there")


HOOK: Final = VariantKind((_COMMAND, _HTTP, _PROMPT, _AGENT), _choose)
