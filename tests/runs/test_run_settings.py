"""Layering configuration files to the settings of a run (runs.md R8.3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.errors import InvalidRequest
from fabro_core.models.manifest import ManifestArgs
from fabro_core.models.run_settings import EnvironmentImageSettings, EnvironmentSettings, WorkflowSettings
from fabro_core.runs.create.args import read_arguments
from fabro_core.runs.create.run_settings import layered_settings, read_layer

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
  "checkpoint": {"exclude_globs": [], "skip_git_hooks": false}, "clone": {"enabled": true, "depth": 100},
  "run_branch": {"enabled": true, "push": true}, "meta_branch": {"enabled": true, "push": true},
  "notifications": {}, "interviews": {"provider": null, "slack": null}, "agent": {"fabro_tools": false, "mcps": {}},
  "hooks": [], "scm": {"provider": null, "owner": null, "repository": null, "github": null}, "pull_request": null,
  "artifacts": {"include": []}, "integrations": {"github": {"permissions": {}}}}}
""")
DEFAULTS["environments"] = {"default": ENVIRONMENT}
DEFAULTS["run"]["environment"] = {"id": "default", **ENVIRONMENT}

CI = EnvironmentSettings(provider="docker", image=EnvironmentImageSettings(docker="python:3.12"), env={"TZ": "UTC"})


NO_ARGS = ManifestArgs()


def settings_of(
    *sources: str,
    args: ManifestArgs = NO_ARGS,
    variables: Mapping[str, str] = {},
    environments: Mapping[str, EnvironmentSettings] = {},
) -> WorkflowSettings:
    layers = [read_layer(source, f"layer {index}") for index, source in enumerate(sources)]
    overrides = read_arguments(args).overlay()
    return layered_settings(layers, overrides, variables=variables, environments=environments)


def as_json(settings: WorkflowSettings) -> Any:
    return json.loads(msgspec.json.encode(settings))


def test_without_files_the_settings_are_the_defaults() -> None:
    assert as_json(settings_of()) == DEFAULTS


def test_a_file_without_settings_changes_nothing() -> None:
    assert as_json(settings_of("", "_version = 1", "[project]\n[run.model]")) == DEFAULTS


def test_unknown_tables_and_keys_are_ignored() -> None:
    unknown = 'x = 1\n[server]\nport = "no"\n[run]\nsurprise = true\n[run.model]\nmood = "good"'
    assert as_json(settings_of(unknown)) == DEFAULTS


def test_the_later_file_wins_and_tables_merge_by_key() -> None:
    settings = settings_of(
        '[project]\nname = "one"\ndescription = "kept"\n[run.metadata]\na = "1"\nb = "1"',
        '[project]\nname = "two"\n[run.metadata]\nb = "2"',
    )
    assert settings.project.name == "two"
    assert settings.project.description == "kept"
    assert settings.run.metadata == {"a": "1", "b": "2"}


def test_lists_replace() -> None:
    settings = settings_of('run.artifacts.include = ["a", "b"]', 'run.artifacts.include = ["c"]')
    assert settings.run.artifacts.include == ("c",)


def test_arguments_win_over_files() -> None:
    settings = settings_of(
        '[run.model]\nname = "m1"\nprovider = "p1"\n[run.metadata]\nteam = "old"\nkept = "yes"\n[run.inputs]\nn = 1',
        args=ManifestArgs(
            model="m2",
            environment="ci",
            dry_run=True,
            auto_approve=True,
            preserve_sandbox=True,
            label=("team=web", "dropped", "eq=a=b"),
            input=("n=2",),
        ),
        environments={"ci": CI},
    )
    run = settings.run
    assert (run.model.name, run.model.provider) == ("m2", "p1")
    assert (run.execution.mode, run.execution.approval) == ("dry_run", "auto")
    assert run.metadata == {"team": "web", "kept": "yes", "eq": "a=b"}
    assert run.inputs == {"n": 2}
    assert (run.environment.id, run.environment.provider) == ("ci", "docker")
    assert run.environment.lifecycle.preserve is True
    assert settings.environments["ci"].lifecycle.preserve is False


def test_arguments_that_are_not_given_leave_the_files_alone() -> None:
    source = '[run.execution]\nmode = "dry_run"\napproval = "auto"\n[run.environment.lifecycle]\npreserve = true'
    run = settings_of(source, args=ManifestArgs(dry_run=False, auto_approve=False, preserve_sandbox=False)).run
    assert (run.execution.mode, run.execution.approval) == ("dry_run", "auto")
    assert run.environment.lifecycle.preserve is True


# -- inputs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("k=4.2", 4.2),
        ("k=42", 42),
        ("k=-1", -1),
        ("k=1_000", 1000),
        ("k=0x1f", 31),
        ("k=true", True),
        ("k=True", "True"),
        ('k="42"', "42"),
        ("k='a\\b'", "a\\b"),
        ("k=", ""),
        ("k=web", "web"),
        ("k=a=b", "a=b"),
        ("k= 42 ", 42),
        ("k= web ", " web "),
        ("k=v4.2", "v4.2"),
        ("k=1.2.3", "1.2.3"),
        ("k=fix #12", "fix #12"),
        ("k=12 # twelve", "12 # twelve"),
        ("k=1\nx = 2", "1\nx = 2"),
        ("k=1, x = 2", "1, x = 2"),
        ("k=1 } #", "1 } #"),
        ("k=[draft] notes", "[draft] notes"),
        ('k="open', '"open'),
        ("k=inf", "inf"),
        ("k=nan", "nan"),
        ("k=99999999999999999999", "99999999999999999999"),
        ("k=" + "[" * 5000, "[" * 5000),
        ("k={a" + ".a" * 5000 + "=1}", "{a" + ".a" * 5000 + "=1}"),
    ],
)
def test_an_input_that_is_a_toml_scalar_keeps_its_type(entry: str, value: object) -> None:
    inputs = settings_of(args=ManifestArgs(input=(entry,))).run.inputs
    assert inputs == {"k": value}
    assert type(inputs["k"]) is type(value)


@pytest.mark.parametrize("entry", ["k=[1, 2]", "k={a = 1}", "k=2026-03-02", "k=10:15:00", "k=2026-03-02T10:15:00Z"])
def test_an_input_that_is_an_array_a_table_or_a_date_is_refused(entry: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^args\.input\[1\]: an input must be"):
        read_arguments(ManifestArgs(input=("x=1", entry)))


@pytest.mark.parametrize("entry", ["k", "", "=v", " =v"])
def test_an_input_that_is_not_key_and_value_is_refused(entry: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^args\.input\[0\]: must be KEY=VALUE\.$"):
        read_arguments(ManifestArgs(input=(entry,)))


def test_more_than_a_thousand_inputs_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="more than 1000"):
        read_arguments(ManifestArgs(input=("a=1",) * 1001))


# -- environments -----------------------------------------------------------------------------------------------


def test_the_settings_hold_every_stored_environment() -> None:
    assert set(settings_of(environments={"ci": CI}).environments) == {"default", "ci"}


def test_a_stored_default_replaces_the_built_in_one() -> None:
    settings = settings_of(environments={"default": CI})
    assert settings.environments["default"] == CI
    assert settings.run.environment.provider == "docker"


def test_a_file_overlays_a_stored_environment_and_may_add_its_own() -> None:
    settings = settings_of(
        '[environments.ci.env]\nLANG = "C"\n[environments.mine]\nprovider = "daytona"\n[run.environment]\nid = "ci"',
        environments={"ci": CI},
    )
    assert settings.environments["ci"].env == {"TZ": "UTC", "LANG": "C"}
    assert settings.environments["mine"].provider == "daytona"
    assert settings.run.environment.image.docker == "python:3.12"
    assert settings.run.environment.env == {"TZ": "UTC", "LANG": "C"}


def test_the_run_overrides_its_copy_of_the_environment_only() -> None:
    settings = settings_of('[run.environment]\nid = "ci"\nimage.docker = "python:3.13"', environments={"ci": CI})
    assert settings.run.environment.image.docker == "python:3.13"
    assert settings.environments["ci"].image.docker == "python:3.12"


@pytest.mark.parametrize("args", [ManifestArgs(environment="moon"), ManifestArgs()])
def test_an_unknown_environment_is_refused(args: ManifestArgs) -> None:
    with pytest.raises(InvalidRequest, match=r'^run\.environment\.id: there is no environment "moon"; known are ci, d'):
        settings_of('run.environment.id = "moon"', args=args, environments={"ci": CI})


def test_a_dockerfile_of_another_kind_replaces_the_stored_one() -> None:
    settings = settings_of(
        '[environments.default.image.dockerfile]\ntype = "inline"\nvalue = "FROM a"',
        '[environments.default.image.dockerfile]\ntype = "path"\npath = "Dockerfile"',
    )
    assert as_json(settings)["run"]["environment"]["image"]["dockerfile"] == {"type": "path", "path": "Dockerfile"}


# -- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        ("run = 3", "layer 1: run: expected object, got int."),
        ("[run.model]\nname = 3", "layer 1: run.model.name: expected str | null, got int."),
        ("[run.clone]\ndepth = true", "layer 1: run.clone.depth: expected int, got bool."),
        ("[run.clone]\ndepth = -1", "layer 1: run.clone.depth: expected int >= 0."),
        ("[run.execution]\nmode = 'fast'", "layer 1: run.execution.mode: invalid enum value 'fast'."),
        ("[run.metadata]\nteam = 1", "layer 1: run.metadata[...]: expected str, got int."),
        ("[[run.hooks]]\ncommand = 'x'", "layer 1: run.hooks[0].event: is required."),
        (
            "[[run.hooks]]\nevent = 'run_start'\ntls = true",
            'layer 1: run.hooks[0]: tls must be "verify", "no_verify" or false.',
        ),
        ("[environments.ci]\nprovider = 'k8s'", "layer 1: environments[...].provider: invalid enum value 'k8s'."),
        ("[project]\nname = 2026-03-02", "layer 1: project.name: expected str | null, got date."),
        ("[run.agent.mcps.x]", "layer 1: run.agent.mcps[...].transport: is required."),
        ("run.goal = 'text'", "layer 1: run.goal: expected object | null, got str."),
    ],
)
def test_a_wrong_type_is_refused_with_its_file_and_place(source: str, detail: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        settings_of("[project]\nname = 'fine'", source, "[project]\nname = 'fine'")
    assert caught.value.detail == detail


def test_a_wrong_type_is_refused_even_when_a_later_file_replaces_it() -> None:
    with pytest.raises(InvalidRequest, match=r"^layer 0: project\.name"):
        settings_of("[project]\nname = 3", "[project]\nname = 'right'")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("a = ", "not valid TOML"),
        ("a = 1\na = 2", "not valid TOML"),
        ("_version = 2", "_version: must be 1"),
        ("_version = true", "_version: must be 1"),
        ("_version = '1'", "_version: must be 1"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("a = " + "[" * 40 + "]" * 40, "nested too deeply"),
        ("a" + ".a" * 5000 + " = 1", "more than 32 parts"),
        ("[" + "'a' . " * 5000 + "b]", "more than 32 parts"),
        ("run.inputs.x = inf", r"run\.inputs\.x is not a finite number"),
        ("run.inputs.x = [1, 9223372036854775808]", r"run\.inputs\.x\[1\] does not fit into 64 bits"),
        ("a = 9" + "9" * 5000, "not valid TOML"),
        ("#" * 300_000, "more than 262144 characters"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(source: str, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^here: .*{reason}"):
        read_layer(source, "here")


@given(st.text())
def test_any_text_is_a_layer_or_an_invalid_request(source: str) -> None:
    with suppress(InvalidRequest):
        settings_of(source)


# -- variables --------------------------------------------------------------------------------------------------


def test_a_layer_names_the_variables_that_it_needs() -> None:
    source = """
    [run]
    working_dir = "{{ vars.A }}/{{vars.B}}"
    [[run.prepare.steps]]
    type = "command"
    command = ["deploy", "{{ vars.C }}", "{{ inputs.D }} {{ goal }}"]
    [other]
    ignored = "{{ vars.E }}"
    """
    assert read_layer(source, "here").variables == {"A", "B", "C"}


def test_variables_are_replaced_in_every_string_of_a_file() -> None:
    settings = settings_of(
        """
        [run]
        working_dir = "{{ vars.A }}/{{vars.A}}"
        [run.goal]
        type = "inline"
        value = "{{ goal }} in {{ inputs.REGION }}: {{ vars.B }}"
        [[run.prepare.steps]]
        type = "command"
        command = ["{{ vars.A }}"]
        [run.clone]
        depth = 7
        """,
        variables={"A": "x", "B": "{{ vars.A }}"},
    )
    run = as_json(settings)["run"]
    assert run["working_dir"] == "x/x"
    assert run["goal"]["value"] == "{{ goal }} in {{ inputs.REGION }}: {{ vars.A }}"
    assert run["prepare"]["steps"] == [{"type": "command", "command": ["x"]}]
    assert run["clone"]["depth"] == 7


def test_a_variable_may_choose_an_enumerated_value() -> None:
    source = "[run.execution]\nmode = '{{ vars.MODE }}'"
    assert settings_of(source, variables={"MODE": "dry_run"}).run.execution.mode == "dry_run"


@pytest.mark.parametrize("reference", ["{{ vars.NOPE }}", "{{ vars.not-a-name }}", "{{vars.}}"])
def test_an_unknown_variable_is_refused(reference: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^layer 0: there is no variable"):
        settings_of(f"[project]\nname = '{reference}'", variables={"OTHER": "x"})


def test_a_variable_that_would_fill_memory_is_refused() -> None:
    source = "[project]\nname = '" + "{{vars.A}}" * 1000 + "'"
    with pytest.raises(InvalidRequest, match="the variables come to more than"):
        settings_of(source, variables={"A": "x" * 10_000})


# -- single tables ----------------------------------------------------------------------------------------------


def test_an_mcp_server_is_called_what_its_table_is_called() -> None:
    settings = settings_of(
        '[run.agent.mcps.tickets.transport]\ntype = "http"\nurl = "https://mcp.example.com/"',
        "[run.agent.mcps.tickets]\ntool_timeout_secs = 5",
    )
    assert as_json(settings)["run"]["agent"]["mcps"] == {
        "tickets": {
            "name": "tickets",
            "transport": {
                "type": "http",
                "protocol": "streamable_http",
                "url": "https://mcp.example.com/",
                "headers": {},
            },
            "startup_timeout_secs": 30,
            "tool_timeout_secs": 5,
        }
    }


def test_optional_keys_of_a_hook_are_left_out() -> None:
    settings = settings_of('[[run.hooks]]\nevent = "run_start"\ncommand = "true"\ntls = false')
    assert as_json(settings)["run"]["hooks"] == [
        {
            "name": None,
            "event": "run_start",
            "command": "true",
            "tls": False,
            "matcher": None,
            "blocking": None,
            "timeout_ms": None,
            "sandbox": None,
        }
    ]


def test_inputs_of_a_file_may_be_any_toml_value() -> None:
    settings = settings_of("[run.inputs]\nlist = [1, 'a']\ntable = {x = 1.5}\nday = 2026-03-02")
    assert as_json(settings)["run"]["inputs"] == {"list": [1, "a"], "table": {"x": 1.5}, "day": "2026-03-02"}
