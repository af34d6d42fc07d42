"""Shows resolved settings as the API does: dense, every key present (run-settings.md T9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fabro_core.models.run_settings import EnvironmentSettings, WorkflowSettings
from fabro_core.runs.settings.environments import network_mode
from fabro_core.runs.settings.github import sorted_repositories
from fabro_core.runs.settings.kinds import FileTable, JsonObject
from fabro_core.runs.settings.mcp_servers import shown_server
from fabro_core.runs.settings.model import (
    Checkpoint,
    Interviews,
    Model,
    Notification,
    Prepare,
    PrepareStep,
    PullRequest,
)
from fabro_core.runs.settings.model_environment import NETWORK_MODES, PROVIDERS, Environment
from fabro_core.runs.settings.model_hooks import AgentHook, CommandHook, Hook, HttpHook, PromptHook
from fabro_core.runs.settings.model_mcps import InlineServer
from fabro_core.runs.settings.resolving import Resolved
from fabro_core.runs.settings.units import shown_duration, shown_size


def snapshot(resolved: Resolved, stored: Mapping[str, EnvironmentSettings]) -> WorkflowSettings:
    """The settings that a run keeps, without its goal. `cwd` of an environment is that of the stored one."""
    environments = {
        key: {**_environment(each), "cwd": _cwd(stored, key)}
        for key, each in resolved.environments.items()
        if each.provider in PROVIDERS and network_mode(each.network) in NETWORK_MODES
    }
    selected = {"id": resolved.environment_id, "cwd": _cwd(stored, resolved.environment_id)}
    run = {**_run(resolved), "environment": {**selected, **_environment(resolved.environment)}}
    shown = {
        "project": _same(resolved.project, without=("directory",)),
        "workflow": _same(resolved.workflow),
        "environments": environments,
        "run": run,
    }
    return msgspec.convert(shown, WorkflowSettings)


def _same(table: FileTable, *, without: tuple[str, ...] = ()) -> JsonObject:
    """The keys of a table that have the same name and value in the snapshot."""
    return {name: getattr(table, name) for name in table.__struct_fields__ if name not in without}


def _cwd(stored: Mapping[str, EnvironmentSettings], environment_id: str) -> str | None:
    environment = stored.get(environment_id)
    return environment.cwd if environment else None


# -- tables -------------------------------------------------------------------------------------------------------


def _run(resolved: Resolved) -> JsonObject:
    run = resolved.run
    author, github = run.git.author, run.integrations.github
    repositories = sorted_repositories(github)
    return {
        "goal": None,
        "working_dir": run.working_dir,
        "metadata": run.metadata,
        "inputs": run.inputs,
        "model": _model(run.model),
        "git": {"author": _same(author) if author.name is not None or author.email is not None else None},
        "prepare": _prepare(run.prepare or Prepare()),
        "execution": _same(run.execution),
        "checkpoint": _checkpoint(run.checkpoint),
        "clone": _same(run.clone),
        "run_branch": _same(run.run_branch),
        "meta_branch": _same(run.meta_branch),
        "notifications": {name: _route(each) for name, each in (run.notifications or {}).items()},
        "interviews": _route(run.interviews),
        "agent": {"fabro_tools": run.agent.fabro_tools, "mcps": _servers(resolved)},
        "hooks": [_hook(each) for each in run.hooks or ()],
        "scm": {**_same(run.scm), "github": None if run.scm.github is None else {}},
        "pull_request": _pull_request(run.pull_request),
        "artifacts": {"include": run.artifacts.include if run.artifacts else ()},
        "integrations": {
            "github": {
                "permissions": github.permissions,
                **({"additional_repositories": repositories} if repositories else {}),
            }
        },
    }


def _model(model: Model) -> JsonObject:
    controls = _same(model.controls)
    return {**_same(model, without=("controls",)), **({"controls": controls} if any(controls.values()) else {})}


def _prepare(prepare: Prepare) -> JsonObject:
    return {"steps": [_step(step) for step in prepare.steps or ()], "timeout_ms": prepare.timeout}


def _step(step: PrepareStep) -> JsonObject:
    env = {} if step.env is None else {"env": step.env}
    if step.script is not None:
        return {"type": "script", "script": step.script, **env}
    return {"type": "command", "command": step.command, **env}


def _checkpoint(checkpoint: Checkpoint) -> JsonObject:
    return {**_same(checkpoint, without=("commit_timeout",)), "commit_timeout_ms": checkpoint.commit_timeout}


def _route(route: Notification | Interviews) -> JsonObject:
    return {**_same(route), "slack": None if route.slack is None else _same(route.slack)}


def _servers(resolved: Resolved) -> JsonObject:
    entries = resolved.run.agent.mcps or {}
    inline = {name: shown_server(name, each) for name, each in entries.items() if isinstance(each, InlineServer)}
    return {**inline, **msgspec.to_builtins(resolved.referenced_servers)}


def _pull_request(pull_request: PullRequest) -> JsonObject | None:
    return _same(pull_request) if pull_request.enabled else None


def _hook(hook: Hook) -> JsonObject:
    return {
        "name": hook.id if hook.name is None else hook.name,
        "event": hook.event,
        "command": None,
        "matcher": hook.matcher,
        "blocking": hook.blocking,
        "timeout_ms": hook.timeout,
        "sandbox": hook.sandbox,
        **_transport(hook),
    }


def _transport(hook: Hook) -> JsonObject:
    match hook:
        case CommandHook():
            return {"command": " ".join(hook.command or ()) if hook.script is None else hook.script}
        case HttpHook():
            return {"type": "http", "url": hook.url, "headers": hook.headers or None, "tls": hook.tls or "verify"}
        case PromptHook():
            return {"type": "prompt", "prompt": hook.prompt, "model": hook.model}
        case AgentHook():
            rounds = hook.max_tool_rounds
            return {"type": "agent", "prompt": hook.prompt or "", "model": hook.model, "max_tool_rounds": rounds}
        case _:
            raise TypeError(type(hook).__name__)


def _environment(environment: Environment) -> JsonObject:
    image, resources, lifecycle = environment.image, environment.resources, environment.lifecycle
    return {
        "provider": environment.provider,
        "image": {
            "docker": image.docker,
            "dockerfile": None if image.dockerfile is None else {"type": "inline", "value": image.dockerfile},
        },
        "resources": {
            "cpu": resources.cpu,
            "memory": _unless_none(shown_size, resources.memory),
            "disk": _unless_none(shown_size, resources.disk),
        },
        "network": {"mode": network_mode(environment.network), "allow": environment.network.allow},
        "lifecycle": {**_same(lifecycle), "auto_stop": _unless_none(shown_duration, lifecycle.auto_stop)},
        "labels": environment.labels,
        "env": environment.env,
    }


def _unless_none(show: Any, value: int | None) -> str | None:
    return None if value is None else show(value)
