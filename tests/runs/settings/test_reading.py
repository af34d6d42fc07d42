"""Reading settings files: what is admitted, and every fault with its line (run-settings.md T1.1, T3, T4, T8)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.errors import InvalidRequest
from fabro_core.runs.settings.faults import MAX_FAULTS
from fabro_core.runs.settings.kinds import FileTable, Kind, ListKind, MapKind, TableKind, TextOrTableKind, VariantKind
from fabro_core.runs.settings.model import SettingsFile
from fabro_core.runs.settings.older import TOP_LEVEL
from fabro_core.runs.settings.table import fields_of
from tests.runs.settings.samples import faults, project, reading_faults, settled, shown, user, workflow

# -- every table ----------------------------------------------------------------------------------------------------


def tables(kind: Kind, header: str) -> Iterator[tuple[str, type[FileTable], str]]:
    """Every table that can stand in a file: its TOML path, its Struct, and what chooses that."""
    match kind:
        case TableKind(table=table) | TextOrTableKind(table=table):
            yield header, table, ""
            for name, field in fields_of(table).items():
                yield from tables(field.kind, f"{header}.{name}")
        case MapKind(item=item):
            yield from tables(item, f"{header}.some")
        case ListKind(item=item):
            yield from tables(item, f"{header}[]")
        case VariantKind(variants=variants):
            yield from ((header, each.table, CHOOSING[each.table.__name__]) for each in variants)


CHOOSING = {
    "McpReference": 'id = "x"',
    "StdioServer": 'type = "stdio"\nscript = "x"',
    "HttpServer": 'type = "http"\nurl = "x"',
    "SandboxServer": 'type = "sandbox"\nscript = "x"\nport = 1',
    "CommandHook": 'event = "run_start"\nscript = "x"',
    "HttpHook": 'event = "run_start"\nurl = "x"',
    "PromptHook": 'event = "run_start"\nprompt = "x"',
    "AgentHook": 'event = "run_start"\nagent = "enabled"',
}
NEEDED = {"GoalFile": 'file = "x"', "DockerfilePath": 'path = "x"', "PrepareStep": 'script = "x"'}

ALL_TABLES = [found for name, field in fields_of(SettingsFile).items() for found in tables(field.kind, name)]


def lines_of(header: str, table: type[FileTable], choosing: str) -> tuple[list[str], str]:
    """The lines of a file that has a table with what it needs, and the path of the table."""
    name = header.removesuffix("[]")
    is_listed = name != header
    needed = [line for line in (*choosing.splitlines(), NEEDED.get(table.__name__, "")) if line]
    return [f"[[{name}]]" if is_listed else f"[{name}]", *needed], f"{name}[0]" if is_listed else name


def name_of(value: object) -> str | None:
    return getattr(value, "__name__", None)


@pytest.mark.parametrize(("header", "table", "choosing"), ALL_TABLES, ids=name_of)
def test_an_unknown_key_is_refused_in_every_table(header: str, table: type[FileTable], choosing: str) -> None:
    lines, path = lines_of(header, table, choosing)
    (fault,) = reading_faults("\n".join([*lines, "surprise = 1"]))
    assert fault.startswith(f"{len(lines) + 1}:1: {path}.surprise: unknown key; ")


ALL_KEYS = [
    pytest.param(header, table, choosing, name, id=f"{header}.{name} {table.__name__}")
    for header, table, choosing in ALL_TABLES
    for name in fields_of(table)
    if f"{name} = " not in choosing + NEEDED.get(table.__name__, "") and name not in table.exactly_one_of
]


@pytest.mark.parametrize(("header", "table", "choosing", "name"), ALL_KEYS)
def test_every_key_of_every_table_refuses_a_wrong_type(
    header: str, table: type[FileTable], choosing: str, name: str
) -> None:
    lines, path = lines_of(header, table, choosing)
    (fault,) = reading_faults("\n".join([*lines, f"{name} = 1.5"]))
    assert fault.startswith(f"{len(lines) + 1}:1: {path}.{name}: must be ")
    assert fault.endswith("not a number with a fraction.")


def test_the_tables_are_those_of_the_specification() -> None:
    assert {header for header, _, _ in ALL_TABLES} == {
        "project", "workflow", "environments.some", "environments.some.image", "environments.some.image.dockerfile",
        "environments.some.resources", "environments.some.network", "environments.some.lifecycle", "run", "run.goal",
        "run.model", "run.model.controls", "run.git", "run.git.author", "run.prepare", "run.prepare.steps[]",
        "run.execution", "run.checkpoint", "run.clone", "run.run_branch", "run.meta_branch", "run.environment",
        "run.environment.image", "run.environment.image.dockerfile", "run.environment.resources",
        "run.environment.network", "run.environment.lifecycle", "run.notifications.some",
        "run.notifications.some.slack", "run.interviews", "run.interviews.slack", "run.agent", "run.agent.mcps.some",
        "run.hooks[]", "run.scm", "run.scm.github", "run.pull_request", "run.artifacts", "run.integrations",
        "run.integrations.github",
    }  # fmt: skip


# -- keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("[rnu]", '1:2: rnu: unknown key; did you mean "run"?'),
        ("surprise = 1", "1:1: surprise: unknown key; known here are _version, project, workflow, environments, run,"),
        ("[run.modle]", '1:6: run.modle: unknown key; did you mean "model"?'),
        ("[run]\nclone.deph = 3", '2:7: run.clone.deph: unknown key; did you mean "depth"?'),
        ("[run.scm.github]\napp = 1", "2:1: run.scm.github.app: unknown key; this table has no keys."),
        ('[environments."my ci"]\nimge = 1', '2:1: environments."my ci".imge: unknown key; did you mean "image"?'),
        ("[run.notifications.x.discord]", "1:22: run.notifications.x.discord: unknown key; known here are enabled, p"),
        ("[run.integrations.gitlab]", '1:19: run.integrations.gitlab: unknown key; did you mean "github"?'),
        (
            "[run.environment]\nprovider = 'x'",
            "2:1: run.environment.provider: unknown key; the provider is set in [env",
        ),
        ("[run.environment]\ncwd = '/'", "2:1: run.environment.cwd: unknown key; only environments that the server"),
        ("[environments.a]\ncwd = '/'", "2:1: environments.a.cwd: unknown key; only environments that the server"),
        ("run.goal.type = 'inline'\nrun.goal.file = 'x'", "1:10: run.goal.type: unknown key; known here are file."),
    ],
)
def test_an_unknown_key_is_told_with_what_was_meant(source: str, fault: str) -> None:
    (found,) = reading_faults(source)
    assert found.startswith(fault)


def test_a_key_of_any_length_is_told_in_short() -> None:
    (found,) = reading_faults(f"{'k' * 100_000} = 1")
    assert len(found) < 400


@pytest.mark.parametrize(
    ("key", "place"), [(key, place.split(", which")[0]) for key, place in TOP_LEVEL.items()], ids=list(TOP_LEVEL)
)
def test_an_older_key_at_the_top_is_told_from_a_typing_error(key: str, place: str) -> None:
    for value in ("1", '"x"', "{ a = 1 }", "[]"):
        (found,) = reading_faults(f"_version = 1\n{key} = {value}")
        assert found.startswith(f"2:1: {key}: older key, now {place}")


@pytest.mark.parametrize("key", ["provider", "model", "temperature", "max_tokens", "fallbacks", "fallback"])
def test_the_older_table_of_the_model_is_told(key: str) -> None:
    assert reading_faults(f"[llm]\nother = 1\n{key} = 1") == [f"3:1: llm.{key}: older key, now [run.model]."]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("[run.sandbox]", "1:6: run.sandbox: older key, now [run.environment] and [environments.<id>]."),
        ("run.prepare.commands = []", "1:13: run.prepare.commands: older key, now [[run.prepare.steps]]."),
        ("run.agent.permissions = 'x'", "1:11: run.agent.permissions: older key that is gone; leave it out."),
        (
            "run.model.fallbacks = ['n']",
            "1:11: run.model.fallbacks: must be a table keyed by the model that is asked for, as in fallbacks ="
            ' { sonnet = ["haiku"] }, not a list.',
        ),
        (
            "[[run.hooks]]\nevent = 'run_start'\nscript = 'x'\ntimeout_ms = 1",
            '4:1: run.hooks[0].timeout_ms: older key, now timeout, as in timeout = "30s".',
        ),
        (
            "[[run.hooks]]\nevent = 'run_start'\nscript = 'x'\ntype = 'command'",
            "4:1: run.hooks[0].type: older key; script, command, url, prompt or agent says what a hook is.",
        ),
    ],
)
def test_an_older_key_below_is_told_from_a_typing_error(source: str, fault: str) -> None:
    assert reading_faults(source) == [fault]


# -- the file -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["", "_version = 1", "# nothing", "[run]\n[project]", "\ufeff_version = 1\r\n"])
def test_a_file_that_says_nothing_changes_nothing(source: str) -> None:
    assert shown(workflow(source)) == shown()


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("2", "is 2, and this server understands 1."),
        ("0", "is 0, and this server understands 1."),
        ("1.0", "must be the number 1, not a number with a fraction."),
        ("true", "must be the number 1, not true or false."),
        ("'1'", "must be the number 1, not a text."),
    ],
)
def test_another_version_is_refused(version: str, reason: str) -> None:
    assert reading_faults(f"\n_version = {version}") == [f"2:1: _version: {reason}"]


def test_the_older_version_key_is_refused_beside_the_newer_one() -> None:
    assert reading_faults("_version = 1\nversion = 1") == ["2:1: version: older key, now _version."]


def test_tables_of_others_may_stand_there() -> None:
    foreign = '[cli.output]\nformat = 3\n[server.web]\nenabled = "x"\n[llm.providers.gate]\nadapter = 1'
    assert shown(workflow(foreign)) == shown()
    assert shown(workflow("cli = 1\nserver = 'x'\nllm = []")) == shown()


def test_dates_are_refused_even_there() -> None:
    (found,) = reading_faults("[cli]\nday = 2026-03-02")
    assert found == "2:1: cli.day: must not be a date or a time; write it as a text in quotes."


def test_what_is_no_toml_is_told_with_its_line() -> None:
    (found,) = faults(project("_version = 1\n[run\n"))
    assert str(found) == '.fabro/project.toml:2:5: not valid TOML: expected "]" after the name of the table.'


def test_all_faults_of_all_files_are_told_at_once() -> None:
    found = faults(user("x = 1\nrun.goal = 2"), project("[run"), workflow("[run.clone]\nenabled = 'true'\ndepth = -1"))
    assert [(each.file, each.line) for each in found] == [
        ("/home/ann/.fabro/settings.toml", 1),
        ("/home/ann/.fabro/settings.toml", 2),
        (".fabro/project.toml", 1),
        ("flows/deploy/workflow.toml", 2),
        ("flows/deploy/workflow.toml", 3),
    ]


def test_a_file_of_another_kind_is_not_told_to_its_end() -> None:
    source = "\n".join(f"key{number} = 1" for number in range(20_000))
    with pytest.raises(InvalidRequest) as caught:
        settled(workflow(source))
    lines = caught.value.detail.splitlines()
    assert len(lines) == MAX_FAULTS + 1
    assert lines[-1] == "There are more."


def test_a_fault_counts_even_when_a_higher_file_has_another_value() -> None:
    (found,) = faults(project("[project]\nname = 3"), workflow("[project]\nname = 'right'"))
    assert str(found) == ".fabro/project.toml:2:1: project.name: must be a text, not a number."


@given(st.text())
def test_any_text_is_settings_or_an_invalid_request(source: str) -> None:
    with suppress(InvalidRequest):
        settled(workflow(source))


# -- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("run = 3", "1:1: run: must be a table, not a number."),
        ("run = []", "1:1: run: must be a table, not a list."),
        ("run.goal = 3", "1:5: run.goal: must be a text or a table with the key file, not a number."),
        ("[run.goal]", "1:6: run.goal: needs file."),
        ("run.metadata.team = 1", "1:14: run.metadata.team: must be a text, not a number."),
        ("run.clone.enabled = 'true'", "1:11: run.clone.enabled: must be true or false, not a text."),
        ("run.clone.depth = true", "1:11: run.clone.depth: must be a whole number from 0 to 2147483647, not true or f"),
        ("run.clone.depth = -1", "1:11: run.clone.depth: must be a whole number from 0 to 2147483647, not -1."),
        ("run.execution.mode = 'fast'", '1:15: run.execution.mode: must be "normal" or "dry_run", not "fast".'),
        ("run.execution.mode = 'dryrun'", '1:15: run.execution.mode: must be "normal" or "dry_run", not "dryrun"; did'),
        ("run.artifacts.include = ['a', 1]", "1:31: run.artifacts.include[1]: must be a text, not a number."),
        ("run.prepare.timeout = '1h30m'", "1:13: run.prepare.timeout: must be a duration in quotes: digits and one of"),
        ("run.prepare.timeout = 30", "1:13: run.prepare.timeout: must be a duration in quotes: digits and one of"),
        ("environments.x.resources.memory = '1.5GB'", "1:26: environments.x.resources.memory: must be a size: digits"),
        ("environments.x.resources.memory = true", "1:26: environments.x.resources.memory: must be a size: digits"),
        ("environments.x.provider = 1", '1:16: environments.x.provider: must be "local", "docker" or "daytona", not'),
        ("run.model.fallbacks.m = ['a/b/c']", '1:26: run.model.fallbacks.m[0]: must be a model or "provider/model"'),
        ("run.model.fallbacks.m = ['/b']", '1:26: run.model.fallbacks.m[0]: must be a model or "provider/model"'),
        ("run.model.fallbacks.m = ['a/']", '1:26: run.model.fallbacks.m[0]: must be a model or "provider/model"'),
        ("run.model.fallbacks.m = ['']", '1:26: run.model.fallbacks.m[0]: must be a model, as in "sonnet" or'),
        ("run.scm.github = 'x'", "1:9: run.scm.github: must be a table, not a text."),
    ],
)
def test_a_wrong_value_is_told_in_words_of_toml(source: str, fault: str) -> None:
    (found,) = reading_faults(source)
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("written", "stored"),
    [("m", "m"), ("p/m", "p:m"), ("p/m:8b", "p:m:8b"), ("o:x:8b", "o:x:8b"), ("o:a/b", "o:a/b"), ("...x", "...x")],
)
def test_a_model_with_a_slash_is_that_of_a_provider(written: str, stored: str) -> None:
    fallbacks = shown(workflow(f"run.model.fallbacks.m = ['{written}']"))["run"]["model"]["fallbacks"]
    assert fallbacks == {"m": [stored]}


# -- unions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (
            "script = 'a'\ncommand = ['b']",
            "1:1: run.prepare.steps[0]: needs exactly one of script and command, and has both.",
        ),
        ("env = { A = 'x' }", "1:1: run.prepare.steps[0]: needs exactly one of script and command, and has neither."),
        ("command = []", "2:1: run.prepare.steps[0].command: must not be empty."),
    ],
)
def test_a_step_has_a_script_or_a_command(source: str, fault: str) -> None:
    assert reading_faults(f"[[run.prepare.steps]]\n{source}") == [fault]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("", '1:17: run.agent.mcps.s: needs either id, for a stored server, or type: "stdio", "http" or "sandbox".'),
        (
            "enabled = false",
            '1:17: run.agent.mcps.s: needs either id, for a stored server, or type: "stdio", "http" or',
        ),
        ("id = 'a'\ntype = 'stdio'", "1:17: run.agent.mcps.s: has id and type: a reference has only id and enabled,"),
        (
            "type = 'stido'",
            '1:17: run.agent.mcps.s: has a type that there is not; it must be "stdio", "http" or "sandbox"; did',
        ),
        ("type = 3", '1:17: run.agent.mcps.s: has a type that there is not; it must be "stdio", "http" or "sandbox".'),
        (
            "id = 'a'\nenv = {}",
            "3:1: run.agent.mcps.s.env: unknown key; a reference to a stored server has enabled and id.",
        ),
        (
            "type = 'http'\nurl = 'x'\ncommand = ['x']",
            '4:1: run.agent.mcps.s.command: unknown key; a server of type "http" has enabled, startup_timeout, '
            "tool_timeout, type, url, headers and protocol.",
        ),
        ("type = 'http'", "1:17: run.agent.mcps.s: needs url."),
        ("type = 'stdio'", "1:17: run.agent.mcps.s: needs exactly one of script and command, and has neither."),
        ("type = 'sandbox'\nscript = 'x'", "1:17: run.agent.mcps.s: needs port."),
        (
            "type = 'sandbox'\nscript = 'x'\nport = 0",
            "4:1: run.agent.mcps.s.port: must be a whole number from 1 to 65535",
        ),
        (
            "type = 'sandbox'\nscript = 'x'\nport = 65536",
            "4:1: run.agent.mcps.s.port: must be a whole number from 1 to",
        ),
        (
            "type = 'http'\nurl = 'x'\nprotocol = 'ws'",
            '4:1: run.agent.mcps.s.protocol: must be "streamable_http" or "sse"',
        ),
    ],
)
def test_an_mcp_server_has_the_keys_of_its_kind(source: str, fault: str) -> None:
    (found,) = reading_faults(f"[run.agent.mcps.s]\n{source}")
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("", "1:1: run.hooks[0]: needs exactly one of script, command, url, prompt and agent."),
        ("script = 'x'\ncommand = ['x']", "1:1: run.hooks[0]: needs exactly one of script and command, and has both."),
        (
            "script = 'x'\nurl = 'y'",
            "1:1: run.hooks[0]: has script or command and url, of which only one may be there.",
        ),
        ("url = 'y'\nprompt = 'x'", "1:1: run.hooks[0]: has url and prompt, of which only one may be there."),
        ("url = 'y'\nagent = 'enabled'", "1:1: run.hooks[0]: has url and agent, of which only one may be there."),
        ("script = 'x'\nheaders = {}", "4:1: run.hooks[0].headers: unknown key; a hook with a command has event, id,"),
        (
            "prompt = 'x'\nmax_tool_rounds = 1",
            "4:1: run.hooks[0].max_tool_rounds: unknown key; a hook with a prompt has",
        ),
        ("agent = 'on'", '3:1: run.hooks[0].agent: must be "enabled", not "on".'),
        ("script = 3", "3:1: run.hooks[0].script: must be a text, not a number."),
        ("command = 'x'", "3:1: run.hooks[0].command: must be a list, not a text."),
        ("url = 'y'\ntls = false", '4:1: run.hooks[0].tls: must be "verify", "no_verify" or "off", not true or false.'),
    ],
)
def test_a_hook_has_the_keys_of_its_kind(source: str, fault: str) -> None:
    (found,) = reading_faults(f"[[run.hooks]]\nevent = 'run_start'\n{source}")
    assert found.startswith(fault)


def test_a_hook_needs_an_event() -> None:
    assert reading_faults("[[run.hooks]]\nscript = 'x'") == ["1:1: run.hooks[0]: needs event."]
    (found,) = reading_faults("[[run.hooks]]\nevent = 'run_begin'\nscript = 'x'")
    assert found.startswith('2:1: run.hooks[0].event: must be "run_start", "run_complete"')
