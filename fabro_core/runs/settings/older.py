"""Keys of older settings files, and where their values belong now (run-settings.md T8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from fabro_core.runs.settings.toml_places import Path

_SERVER: Final = "the server's own settings file"
_CLIENT: Final = "[cli], which this server does not read"

TOP_LEVEL: Final[Mapping[str, str]] = {
    "version": "_version",
    "goal": "goal in [run]",
    "goal_file": "file in [run.goal]",
    "work_dir": "working_dir in [run]",
    "directory": "working_dir in [run]",
    "graph": "graph in [workflow]",
    "labels": "[run.metadata]",
    "model": "[run.model]",
    "vars": "[run.inputs]",
    "setup": "[run.prepare]",
    "sandbox": "[run.environment] and [environments.<id>]",
    "checkpoint": "[run.checkpoint]",
    "pull_request": "[run.pull_request]",
    "artifacts": "[run.artifacts]",
    "hooks": "[[run.hooks]]",
    "mcp_servers": "[run.agent.mcps.<name>]",
    "git": "[run.git]",
    "github": "[run.integrations.github.permissions]",
    "dry_run": "mode in [run.execution]",
    "auto_approve": "approval in [run.execution]",
    "fabro": "[project]",
    **dict.fromkeys(("verbose", "exec", "upgrade_check", "prevent_idle_sleep"), _CLIENT),
    **dict.fromkeys(("api", "web", "log", "slack", "storage_dir", "data_dir"), _SERVER),
    **dict.fromkeys(("max_concurrent_runs", "artifact_storage"), _SERVER),
}
"""By key, where it is written now."""

LLM_KEYS: Final = ("provider", "model", "temperature", "max_tokens", "fallbacks", "fallback")
"""Those that make `[llm]` the older table of a run's model; all others belong to somebody else."""

_ANY: Final = "*"

_BELOW: Final[Mapping[Path, str]] = {
    ("run", "sandbox"): "older key, now [run.environment] and [environments.<id>]",
    ("run", "prepare", "commands"): "older key, now [[run.prepare.steps]]",
    ("run", "agent", "permissions"): "older key that is gone; leave it out",
    ("run", "hooks", _ANY, "type"): "older key; script, command, url, prompt or agent says what a hook is",
    ("run", "hooks", _ANY, "timeout_ms"): 'older key, now timeout, as in timeout = "30s"',
    ("environments", _ANY, "cwd"): "unknown key; only environments that the server keeps have it",
    ("run", "environment", "cwd"): "unknown key; only environments that the server keeps have it",
    ("run", "environment", "provider"): "unknown key; the provider is set in [environments.<id>]",
}

FALLBACK_LIST: Final = (
    'must be a table keyed by the model that is asked for, as in fallbacks = { sonnet = ["haiku"] }, not a list'
)
"""What is said of `run.model.fallbacks` in its older form."""


def older_key(path: Path) -> str | None:
    """What to do about a key that was valid once, or is in another place; None for any other."""
    if len(path) == 1:
        place = TOP_LEVEL.get(str(path[0]))
        return f"older key, now {place}" if place else None
    return next((reason for pattern, reason in _BELOW.items() if _matches(path, pattern)), None)


def older_llm(table: object) -> Iterator[str]:
    """The keys of a top-level `[llm]` that an older file sets a model with."""
    yield from (key for key in LLM_KEYS if isinstance(table, dict) and key in table)


def _matches(path: Path, pattern: Path) -> bool:
    return len(path) == len(pattern) and all(its in (mine, _ANY) for mine, its in zip(path, pattern, strict=True))
