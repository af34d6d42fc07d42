"""Merging layers, each key by its own rule (run-settings.md T2)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from fabro_core.runs.settings.defaults import filled
from fabro_core.runs.settings.faults import RefusedSettings
from fabro_core.runs.settings.kinds import FileTable, MapKind, TableKind
from fabro_core.runs.settings.merging import RULES, MergeRule, Speak, merge
from fabro_core.runs.settings.model import SettingsFile
from fabro_core.runs.settings.reading import read_layers
from fabro_core.runs.settings.table import Rule, fields_of
from fabro_core.runs.settings.toml_places import Path
from tests.runs.settings.samples import project, shown, user, workflow
from tests.runs.settings.strategies import Raw, raw_of, settings_files, toml_of

# -- the rule of every key ------------------------------------------------------------------------------------------


def rules(table: type[FileTable], path: str) -> dict[str, Rule]:
    """The rule of every key below a table that is merged field by field."""
    found: dict[str, Rule] = {}
    for name, field in fields_of(table).items():
        here = f"{path}.{name}".removeprefix(".")
        found[here] = field.rule
        if field.rule is Rule.FIELDS and isinstance(field.kind, TableKind):
            found |= rules(field.kind.table, here)
        if isinstance(field.kind, MapKind) and isinstance(field.kind.item, TableKind):
            found |= rules(field.kind.item.table, f"{here}.<name>")
    return {key: rule for key, rule in found.items() if rule is not Rule.SET}


def test_every_key_has_the_rule_of_the_specification() -> None:
    found = {key: rule for key, rule in rules(SettingsFile, "").items() if rule is not Rule.FIELDS}
    assert found == {
        "project.metadata": Rule.REPLACE,
        "workflow.metadata": Rule.REPLACE,
        "environments": Rule.DEEP,
        "environments.<name>.network.allow": Rule.LIST,
        "environments.<name>.labels": Rule.BY_KEY,
        "environments.<name>.env": Rule.BY_KEY,
        "run.metadata": Rule.REPLACE,
        "run.inputs": Rule.REPLACE_OR_CLEAR,
        "run.model.fallbacks": Rule.SPLICE_BY_KEY,
        "run.prepare": Rule.WHOLE,
        "run.checkpoint.exclude_globs": Rule.LIST,
        "run.environment.network.allow": Rule.LIST,
        "run.environment.labels": Rule.BY_KEY,
        "run.environment.env": Rule.BY_KEY,
        "run.notifications": Rule.DEEP,
        "run.notifications.<name>.events": Rule.SPLICE,
        "run.notifications.<name>.slack": Rule.WHOLE,
        "run.interviews.slack": Rule.WHOLE,
        "run.agent.mcps": Rule.BY_KEY,
        "run.hooks": Rule.HOOKS,
        "run.artifacts": Rule.WHOLE,
        "run.integrations.github.permissions": Rule.REPLACE_OR_CLEAR,
        "run.integrations.github.additional_repositories": Rule.REPLACE_OR_CLEAR,
    }


# -- what each rule does --------------------------------------------------------------------------------------------

GLOBS = "checkpoint.exclude_globs"
ENV = "environment.env"
ROUTES = "notifications"
EVENTS = "notifications.a.events"
MODELS = "model.fallbacks"
HTTP = "type = 'http', url"
HOOK = "event = 'run_start', script"

CASES: list[tuple[Rule, str, str, str, Any]] = [
    (Rule.SET, "working_dir = 'p'", "working_dir = 'w'", "working_dir", "w"),
    (Rule.SET, "working_dir = 'p'", "working_dir = ''", "working_dir", ""),
    (Rule.SET, "working_dir = 'p'", "", "working_dir", "p"),
    (Rule.SET, "scm.github = {}", "scm = {}", "scm.github", {}),
    (Rule.WHOLE, "artifacts.include = ['a']", "artifacts.include = ['b']", "artifacts.include", ["b"]),
    (Rule.WHOLE, "artifacts.include = ['a']", "artifacts = {}", "artifacts.include", []),
    (Rule.WHOLE, "artifacts.include = ['a']", "", "artifacts.include", ["a"]),
    (Rule.WHOLE, "prepare.timeout = '1m'", "prepare.steps = []", "prepare.timeout_ms", 300_000),
    (Rule.WHOLE, "prepare.steps = [{ script = 'a' }]", "prepare.timeout = '1m'", "prepare.steps", []),
    (Rule.WHOLE, "interviews.slack.channel = 'p'", "interviews.slack = {}", "interviews.slack", {"channel": None}),
    (Rule.REPLACE, "metadata = { a = 'p', b = 'p' }", "metadata = { b = 'w' }", "metadata", {"b": "w"}),
    (Rule.REPLACE, "metadata = { a = 'p' }", "metadata = {}", "metadata", {"a": "p"}),
    (Rule.REPLACE_OR_CLEAR, "inputs = { a = 1, b = 1 }", "inputs = { b = 2 }", "inputs", {"b": 2}),
    (Rule.REPLACE_OR_CLEAR, "inputs = { a = 1 }", "inputs = {}", "inputs", {}),
    (Rule.REPLACE_OR_CLEAR, "inputs = { a = 1 }", "", "inputs", {"a": 1}),
    (
        Rule.REPLACE_OR_CLEAR,
        "integrations.github = { permissions = { contents = 'read' }, additional_repositories = ['a/b'] }",
        "integrations.github.additional_repositories = []",
        "integrations.github",
        {"permissions": {"contents": "read"}},
    ),
    (Rule.LIST, f"{GLOBS} = ['a', 'b']", f"{GLOBS} = ['c']", GLOBS, ["c"]),
    (Rule.LIST, f"{GLOBS} = ['a']", f"{GLOBS} = []", GLOBS, ["a"]),
    (Rule.LIST, f"{GLOBS} = ['a']", f"{GLOBS} = ['...', 'b']", GLOBS, ["...", "b"]),
    (Rule.BY_KEY, f"{ENV} = {{ A = 'p', B = 'p' }}", f"{ENV} = {{ B = 'w' }}", ENV, {"A": "p", "B": "w"}),
    (Rule.BY_KEY, f"{ENV} = {{ A = 'p' }}", f"{ENV} = {{}}", ENV, {"A": "p"}),
    (
        Rule.BY_KEY,
        f"agent.mcps.a = {{ {HTTP} = 'p' }}\nagent.mcps.b = {{ {HTTP} = 'p', protocol = 'sse' }}",
        f"agent.mcps.b = {{ {HTTP} = 'w' }}",
        "agent.mcps",
        {"a": ["p", "streamable_http"], "b": ["w", "streamable_http"]},
    ),
    (
        Rule.DEEP,
        f"{ROUTES} = {{ a = {{ enabled = true, provider = 'p' }}, b = {{ enabled = true }} }}",
        f"{ROUTES}.a.provider = 'w'",
        ROUTES,
        {"a": [True, "w"], "b": [True, None]},
    ),
    (Rule.DEEP, f"{ROUTES}.a.enabled = true", f"{ROUTES} = {{}}", ROUTES, {"a": [True, None]}),
    (Rule.FIELDS, "clone = { enabled = false }", "clone.depth = 2", "clone", {"enabled": False, "depth": 2}),
    (Rule.FIELDS, "clone.depth = 1", "clone = {}", "clone", {"enabled": True, "depth": 1}),
    (Rule.SPLICE, f"{EVENTS} = ['x', 'y']", f"{EVENTS} = ['1', '...', '2', '...']", EVENTS, ["1", "x", "y", "2"]),
    (Rule.SPLICE, f"{EVENTS} = ['x']", f"{EVENTS} = ['1']", EVENTS, ["1"]),
    (Rule.SPLICE, f"{EVENTS} = ['x']", f"{EVENTS} = []", EVENTS, ["x"]),
    (Rule.SPLICE, "", f"{EVENTS} = ['...', '1', '...']", EVENTS, ["1"]),
    (
        Rule.SPLICE_BY_KEY,
        f"{MODELS} = {{ m = ['a'], n = ['x'] }}",
        f"{MODELS}.m = ['...', 'b']",
        f"{MODELS}.m",
        ["a", "b"],
    ),
    (Rule.SPLICE_BY_KEY, f"{MODELS} = {{ m = ['a'], n = ['x'] }}", f"{MODELS}.m = ['b']", f"{MODELS}.n", ["x"]),
    (Rule.SPLICE_BY_KEY, f"{MODELS}.m = ['a']", f"{MODELS}.m = []", MODELS, {"m": ["a"]}),
    (Rule.SPLICE_BY_KEY, f"{MODELS}.m = ['a']", f"{MODELS} = {{}}", MODELS, {"m": ["a"]}),
    (
        Rule.HOOKS,
        f"hooks = [{{ id = 'a', {HOOK} = 'p1' }}, {{ {HOOK} = 'p2' }}]",
        f"hooks = [{{ {HOOK} = 'w1' }}, {{ id = 'a', {HOOK} = 'w2' }}]",
        "hooks",
        ["w2", "p2", "w1"],
    ),
    (Rule.HOOKS, f"hooks = [{{ {HOOK} = 'p' }}]", "hooks = []", "hooks", ["p"]),
    (Rule.HOOKS, "", f"hooks = [{{ id = 'a', {HOOK} = '1' }}, {{ id = 'a', {HOOK} = '2' }}]", "hooks", ["2"]),
]
"""Rule, lines below `run` of the lower and of the higher file, where to look in `run`, and what is to be there."""


def below_run(lines: str) -> str:
    return "\n".join(f"run.{line}" for line in lines.splitlines())


def outcome(lower: str, higher: str, path: str) -> Any:
    """What two files amount to; of large values only what tells them apart."""
    value = shown(project(below_run(lower)), workflow(below_run(higher)))["run"]
    for key in path.split("."):
        value = value[key]
    match path:
        case "hooks":
            return [hook["command"] for hook in value]
        case "notifications":
            return {name: [route["enabled"], route["provider"]] for name, route in value.items()}
        case "agent.mcps":
            return {name: [each["transport"]["url"], each["transport"]["protocol"]] for name, each in value.items()}
        case _:
            return value


@pytest.mark.parametrize(("_rule", "lower", "higher", "path", "expected"), CASES)
def test_two_layers_become_one(_rule: Rule, lower: str, higher: str, path: str, expected: Any) -> None:
    assert outcome(lower, higher, path) == expected


# -- mutations ------------------------------------------------------------------------------------------------------


def lower_wins(lower: Any, higher: Any, _speak: Speak, _path: Path) -> Any:
    return higher if lower is None else lower


def field_by_field(lower: Any, higher: Any, speak: Speak, path: Path) -> Any:
    return higher if lower is None else merge(lower, higher, speak, path)


SWITCHED_OFF: dict[Rule, MergeRule] = {
    **dict.fromkeys(Rule, RULES[Rule.SET]),  # the higher value replaces the lower one, whatever the rule
    Rule.SET: lower_wins,
    Rule.WHOLE: field_by_field,
    Rule.REPLACE_OR_CLEAR: RULES[Rule.REPLACE],
}


@pytest.mark.parametrize("rule", Rule)
def test_a_rule_that_is_switched_off_is_noticed(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = [(lower, higher, path) for each, lower, higher, path, _ in CASES if each is rule]
    expected = [value for each, *_, value in CASES if each is rule]
    monkeypatch.setitem(RULES, rule, SWITCHED_OFF[rule])
    with suppress(RefusedSettings, KeyError):
        assert [outcome(*case) for case in mine] != expected


# -- three layers ---------------------------------------------------------------------------------------------------


def test_the_highest_layer_wins() -> None:
    run = shown(
        user("run.working_dir = 'u'\nrun.clone = { depth = 1, enabled = false }"),
        project("run.working_dir = 'p'\nrun.clone.depth = 2"),
        workflow("run.working_dir = 'w'"),
    )["run"]
    assert (run["working_dir"], run["clone"]) == ("w", {"depth": 2, "enabled": False})


def test_a_mark_sees_everything_below_it() -> None:
    run = shown(
        user("run.model.fallbacks.m = ['u']"),
        project("run.model.fallbacks.m = ['p', '...']"),
        workflow("run.model.fallbacks.m = ['...', 'w']"),
    )["run"]
    assert run["model"]["fallbacks"] == {"m": ["p", "u", "w"]}


def test_a_mark_with_nothing_but_a_mark_below_vanishes() -> None:
    run = shown(user("run.model.fallbacks.m = ['...']"), workflow("run.model.fallbacks.m = ['...', 'w']"))["run"]
    assert run["model"]["fallbacks"] == {"m": ["w"]}


# -- properties -----------------------------------------------------------------------------------------------------


def read(raw: Raw) -> SettingsFile:
    (layer,) = read_layers([workflow(toml_of(raw))])
    return layer.settings


@given(settings_files())
def test_a_printed_file_reads_as_the_same(raw: Raw) -> None:
    once = read(raw)
    assert read(raw_of(once, TableKind(SettingsFile))) == once


@given(settings_files(), settings_files(), settings_files())
def test_merging_is_associative(one: Raw, two: Raw, three: Raw) -> None:
    a, b, c = read(one), read(two), read(three)
    left = merge(merge(merge(SettingsFile(), a), b), c)
    right = merge(SettingsFile(), merge(a, merge(b, c)))
    assert filled(left) == filled(right)


@given(settings_files())
def test_an_empty_file_is_neutral(raw: Raw) -> None:
    file = read(raw)
    merged = merge(SettingsFile(), file)
    assert merge(merged, SettingsFile()) == merged
    assert filled(merge(SettingsFile(), merged)) == filled(merged)
