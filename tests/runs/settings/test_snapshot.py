"""The snapshot of settings that a run keeps (run-settings.md T9)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from fabro_core.models.run_settings import EnvironmentSettings
from tests.runs.settings.samples import run_of, settled, shown, stored_environment, workflow

ENVIRONMENT = json.loads("""
{"provider": "local", "cwd": null, "image": {"docker": null, "dockerfile": null},
 "resources": {"cpu": null, "memory": null, "disk": null}, "network": {"mode": "allow_all", "allow": []},
 "lifecycle": {"preserve": false, "stop_on_terminal": true, "auto_stop": null}, "labels": {}, "env": {}}
""")

DEFAULTS = json.loads("""
{"project": {"name": null, "description": null, "metadata": {}},
 "workflow": {"name": null, "description": null, "graph": "workflow.fabro", "metadata": {}},
 "run": {"goal": null, "working_dir": null, "metadata": {}, "inputs": {},
  "model": {"provider": null, "name": null, "fallbacks": {}}, "git": {"author": null},
  "prepare": {"steps": [], "timeout_ms": 300000}, "execution": {"mode": "normal", "approval": "prompt"},
  "checkpoint": {"exclude_globs": [], "skip_git_hooks": false, "commit_timeout_ms": 30000},
  "clone": {"enabled": true, "depth": 100},
  "run_branch": {"enabled": true, "push": true}, "meta_branch": {"enabled": true, "push": true},
  "notifications": {}, "interviews": {"provider": null, "slack": null}, "agent": {"fabro_tools": false, "mcps": {}},
  "hooks": [], "scm": {"provider": null, "owner": null, "repository": null, "github": null}, "pull_request": null,
  "artifacts": {"include": []}, "integrations": {"github": {"permissions": {}}}}}
""")
DEFAULTS["environments"] = {"default": ENVIRONMENT}
DEFAULTS["run"]["environment"] = {"id": "default", **ENVIRONMENT}


def test_without_files_the_settings_are_the_defaults() -> None:
    assert shown() == DEFAULTS


def test_the_finished_goal_is_that_of_the_snapshot() -> None:
    whole = settled(workflow("run.goal = 'x'"))
    assert whole.settings.run.goal is None
    finished = json.loads(msgspec.json.encode(whole.with_goal("Ship it", graph_path="w.fabro").settings))
    assert finished["run"]["goal"] == {"type": "inline", "value": "Ship it"}
    assert whole.with_goal("", graph_path="w.fabro").settings.run.goal is None


@pytest.mark.parametrize(
    ("source", "path", "expected"),
    [
        ("model.controls.speed = 'fast'", "model.controls", {"reasoning_effort": None, "speed": "fast"}),
        ("git.author.name = 'bot'", "git.author", {"name": "bot", "email": None}),
        ("git.author.email = ''", "git.author", {"name": None, "email": ""}),
        ("prepare.timeout = '90s'", "prepare.timeout_ms", 90_000),
        ("prepare.steps = [{ script = 's' }]", "prepare.steps", [{"type": "script", "script": "s"}]),
        (
            "prepare.steps = [{ command = ['c', 'd'], env = { A = '1' } }]",
            "prepare.steps",
            [{"type": "command", "command": ["c", "d"], "env": {"A": "1"}}],
        ),
        ("checkpoint.commit_timeout = '1h'", "checkpoint.commit_timeout_ms", 3_600_000),
        ("notifications.n = {}", "notifications.n", {"enabled": False, "provider": None, "events": [], "slack": None}),
        ("notifications.n.slack = {}", "notifications.n.slack", {"channel": None}),
        ("interviews.slack.channel = '#q'", "interviews", {"provider": None, "slack": {"channel": "#q"}}),
        ("scm.github = {}", "scm.github", {}),
        ("integrations.github.permissions.a = 'b'", "integrations.github", {"permissions": {"a": "b"}}),
        ("inputs = { f = 2.0, l = [1, { a = true }] }", "inputs", {"f": 2.0, "l": [1, {"a": True}]}),
        (
            "environment.image.dockerfile = 'FROM a'",
            "environment.image.dockerfile",
            {"type": "inline", "value": "FROM a"},
        ),
        ("environment.resources = { memory = 8, disk = '512MiB' }", "environment.resources.memory", "8GB"),
        ("environment.resources = { memory = 8, disk = '512MiB' }", "environment.resources.disk", "536870912B"),
        ("environment.lifecycle.auto_stop = '60m'", "environment.lifecycle.auto_stop", "1h"),
        ("environment.lifecycle.auto_stop = '0ms'", "environment.lifecycle.auto_stop", "0s"),
    ],
)
def test_a_key_of_a_file_is_shown_as_the_api_does(source: str, path: str, expected: Any) -> None:
    found = run_of(f"run.{source}")
    for key in path.split("."):
        found = found[key]
    assert found == expected


HOOK = {"name": None, "event": "run_start", "command": None, "matcher": None, "blocking": None, "timeout_ms": None}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("script = 's'", {"command": "s"}),
        ("command = ['./x.sh', '--all']", {"command": "./x.sh --all"}),
        ("script = 's'\nid = 'i'", {"command": "s", "name": "i"}),
        ("script = 's'\nid = 'i'\nname = 'n'", {"command": "s", "name": "n"}),
        (
            "script = 's'\nmatcher = 'm'\nblocking = true\nsandbox = false\ntimeout = '1s'",
            {"command": "s", "matcher": "m", "blocking": True, "sandbox": False, "timeout_ms": 1_000},
        ),
        ("url = 'u'", {"type": "http", "url": "u", "headers": None, "tls": "verify"}),
        (
            "url = 'u'\nheaders = { A = 'b' }\ntls = 'off'",
            {"type": "http", "url": "u", "headers": {"A": "b"}, "tls": "off"},
        ),
        (
            "url = 'u'\nheaders = {}\ntls = 'no_verify'",
            {"type": "http", "url": "u", "headers": None, "tls": "no_verify"},
        ),
        ("prompt = 'p'", {"type": "prompt", "prompt": "p", "model": None}),
        ("agent = 'enabled'", {"type": "agent", "prompt": "", "model": None, "max_tool_rounds": None}),
        (
            "agent = 'enabled'\nprompt = 'p'\nmodel = 'm'\nmax_tool_rounds = 3",
            {"type": "agent", "prompt": "p", "model": "m", "max_tool_rounds": 3},
        ),
    ],
)
def test_a_hook_is_shown_with_every_key_of_its_kind(source: str, expected: dict[str, Any]) -> None:
    (found,) = run_of(f"[[run.hooks]]\nevent = 'run_start'\n{source}")["hooks"]
    assert found == {**HOOK, "sandbox": None, **expected}


@pytest.mark.parametrize(
    ("source", "transport", "timeouts"),
    [
        ("type = 'stdio'\nscript = 'a | b'", {"type": "stdio", "command": ["sh", "-c", "a | b"], "env": {}}, (10, 60)),
        (
            "type = 'stdio'\ncommand = ['a', 'b']\nenv = { A = '1' }\nstartup_timeout = '1500ms'",
            {"type": "stdio", "command": ["a", "b"], "env": {"A": "1"}},
            (1, 60),
        ),
        (
            "type = 'http'\nurl = 'u'\ntool_timeout = '2m'",
            {"type": "http", "protocol": "streamable_http", "url": "u", "headers": {}},
            (10, 120),
        ),
        (
            "type = 'sandbox'\nscript = 'a'\nport = 1\nprotocol = 'sse'",
            {"type": "sandbox", "protocol": "sse", "command": ["bash", "-c", "a"], "port": 1, "env": {}},
            (10, 60),
        ),
    ],
)
def test_an_mcp_server_is_shown_with_every_key_of_its_kind(
    source: str, transport: dict[str, Any], timeouts: tuple[int, int]
) -> None:
    assert run_of(f"[run.agent.mcps.s]\n{source}")["agent"]["mcps"]["s"] == {
        "name": "s",
        "transport": transport,
        "startup_timeout_secs": timeouts[0],
        "tool_timeout_secs": timeouts[1],
    }


def test_the_catalogue_of_environments_is_shown() -> None:
    kept = stored_environment()
    whole = shown(workflow("environments.mine.provider = 'local'"), environments={"ci": kept})
    assert set(whole["environments"]) == {"default", "ci", "mine"}
    assert whole["environments"]["mine"] == ENVIRONMENT
    assert msgspec.convert(whole["environments"]["ci"], EnvironmentSettings) == kept


def test_the_older_directory_of_a_project_is_admitted_and_not_shown() -> None:
    whole = shown(workflow("[project]\nname = 'P'\ndirectory = 'old'"))
    assert whole["project"] == {"name": "P", "description": None, "metadata": {}}
