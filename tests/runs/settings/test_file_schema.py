"""The JSON Schema of settings files (run-settings.md T3): it admits what the reader admits."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from jsonschema import Draft202012Validator

from fabro_core.cli import cli
from fabro_core.runs.settings.schema import run_settings_schema
from tests.corpus.cases import Case, cases
from tests.runs.settings.samples import reading_faults
from tests.runs.settings.strategies import Raw, settings_files

SCHEMA = run_settings_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_command_prints_it() -> None:
    done = CliRunner().invoke(cli, ["settings", "schema", "--run"])
    assert (done.exit_code, json.loads(done.stdout)) == (0, SCHEMA)


@given(settings_files())
def test_every_file_that_can_be_read_is_admitted(raw: Raw) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(raw)] == []


@pytest.mark.parametrize(
    "source",
    [
        "rnu = 1",
        "_version = 2",
        "run.clone.deph = 1",
        "run.clone.depth = -1",
        "run.clone.enabled = 'true'",
        "run.goal.type = 'inline'",
        "run.prepare.timeout = '1h30m'",
        "run.prepare.steps = [{ script = 'a', command = ['b'] }]",
        "run.prepare.steps = [{}]",
        "run.model.fallbacks = ['n']",
        "run.hooks = [{ script = 'a' }]",
        "run.hooks = [{ event = 'run_start', script = 'a', url = 'b' }]",
        "run.agent.mcps.s = { type = 'http', url = 'a', command = ['b'] }",
        "run.agent.mcps.s = { id = 'a', env = {} }",
        "environments.x.resources.memory = '1.5GB'",
        "environments.x.cwd = '/'",
        "llm.model = 'm'",
        "vars.a = 'b'",
    ],
)
def test_what_the_reader_refuses_for_its_form_is_not_admitted(source: str) -> None:
    assert reading_faults(source)
    assert not VALIDATOR.is_valid(tomllib.loads(source))


@pytest.mark.parametrize("source", ["cli = 1", "server.web.enabled = 'x'", "llm.providers.gate.adapter = 1", "llm = 1"])
def test_tables_of_others_are_admitted(source: str) -> None:
    assert VALIDATOR.is_valid(tomllib.loads(source))


@pytest.mark.parametrize("case", cases("settings"))
def test_files_of_the_corpus_that_are_read_are_admitted(case: Case) -> None:
    if case.expected["create"] == 201:
        for path in [case.folder / f"{case.name}.toml", *(case.folder / f"{case.name}.d").glob("*.toml")]:
            if path.exists():
                assert VALIDATOR.is_valid(tomllib.loads(path.read_text(encoding="utf-8").removeprefix("\ufeff")))


def described(schema: Any) -> list[str]:
    """The titles of everything in a schema that says nothing about itself."""
    if isinstance(schema, list):
        return [found for each in schema for found in described(each)]
    if not isinstance(schema, dict):
        return []
    mine = [schema["title"]] if "title" in schema and not schema.get("description") else []
    return mine + [found for key, each in schema.items() if key != "default" for found in described(each)]


def test_every_key_says_what_it_is_for() -> None:
    assert [title for title in described(SCHEMA) if title != "Settings of runs of Fabro"] == []
