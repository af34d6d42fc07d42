"""Commands that tell what can be plugged in and set (server.md S25)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from fabro_core.plugins import hookspecs
from tests.cli.distributions import distribute
from tests.cli.terminal import Home

Install = Callable[..., dict[str, str]]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Make a distribution `acme-<name>` with one plugin; returns the environment in which it is installed."""

    def make(name: str, group: str, source: str) -> dict[str, str]:
        distribute(tmp_path, f"acme-{name}", group, name, f"acme_{name}")
        (tmp_path / f"acme_{name}.py").write_text(source)
        return {"PYTHONPATH": str(tmp_path)}

    return make


EXTENSION = """
from typing import Annotated

import msgspec

from fabro_core import hookimpl
from fabro_core.config.secrets import from_env
from fabro_core.secret import Secret

FABRO_PLUGIN_API = 1


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Annotated[Secret, from_env("ACME_TOKEN")]
    colour: str = "red"
    "Of the walls."


@hookimpl
def fabro_settings():
    return Settings
"""


def test_a_loaded_plugin_shows_its_api_and_hooks(ready: Home) -> None:
    rows = json.loads(ready.run("plugins", "--json", "--loaded").stdout)

    (loaded,) = (row for row in rows if row["name"] == "dev-token")
    assert (loaded["api"], loaded["hooks"], loaded["problem"]) == (1, ["fabro_auth_method", "fabro_settings"], None)
    assert all(("api" in row) == row["selected"] for row in rows)


def test_what_is_loaded_can_be_read_by_people(ready: Home) -> None:
    lines = ready.run("plugins", "--loaded").stdout.splitlines()

    assert "  dev-token: API 1, fabro_auth_method, fabro_settings" in lines
    assert "  memory: API 1, fabro_run_store" in lines


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("FABRO_PLUGIN_API = 7", "was written for plugin API 7, this server offers 1; upgrade fabro-core"),
        (EXTENSION.replace("frozen=True, ", ""), "Settings must be declared with frozen=True"),
    ],
)
def test_a_plugin_that_could_not_start_shows_its_problem(
    ready: Home, install: Install, source: str, problem: str
) -> None:
    environ = install("hall", "fabro.ext", source)
    with (ready.path / "settings.toml").open("a") as settings:
        settings.write('[server.extensions]\nenabled = ["hall"]\n')

    rows = json.loads(ready.run("plugins", "--json", "--loaded", **environ).stdout)

    (found,) = (row["problem"] for row in rows if row["name"] == "hall")
    assert found.startswith(problem)


def test_hooks_are_listed_with_arguments_groups_and_descriptions(home: Home) -> None:
    listed = json.loads(home.run("hooks", "--json").stdout)

    by_name = {hook["name"]: hook for hook in listed}
    specified = [name for name in vars(hookspecs) if name.startswith("fabro_")]
    assert list(by_name) == specified
    assert by_name["fabro_run_store"] == {
        "name": "fabro_run_store",
        "arguments": [{"name": "ctx", "type": "PluginContext"}],
        "result": "RunStore",
        "groups": ["fabro.store"],
        "required_in": ["fabro.store"],
        "description": hookspecs.fabro_run_store.__doc__,
    }
    assert [argument["name"] for argument in by_name["fabro_app_init"]["arguments"]] == ["ctx", "app"]
    assert by_name["fabro_settings"]["groups"] == ["fabro.auth", "fabro.store", "fabro.ext"]


def test_hooks_can_be_read_by_people(home: Home) -> None:
    lines = home.run("hooks").stdout.splitlines()

    at = lines.index("fabro_auth_method(ctx: PluginContext) -> AuthMethod")
    assert lines[at + 1] == "  Groups: fabro.auth (required)"


def test_the_settings_schema_covers_installed_plugins_and_needs_no_settings(home: Home, install: Install) -> None:
    environ = install("hall", "fabro.ext", EXTENSION)
    home.path.mkdir()
    (home.path / "settings.toml").write_text("not TOML")

    done = home.run("settings", "schema", **environ)

    assert (done.returncode, done.stderr) == (0, "")
    schema = json.loads(done.stdout)
    Draft202012Validator.check_schema(schema)
    server = schema["properties"]["server"]["properties"]
    hall = server["extensions"]["properties"]["hall"]
    assert hall["properties"]["colour"]["description"] == "Of the walls."
    assert hall["properties"]["token"]["not"] == {}
    assert "busy_timeout_ms" in server["store"]["properties"]["sqlite"]["properties"]
    selected = {"server": {"auth": {"methods": ["dev-token"]}, "extensions": {"enabled": ["hall"]}}}
    Draft202012Validator(schema).validate(selected)


def test_the_settings_schema_leaves_a_broken_plugin_open_and_names_it(home: Home, install: Install) -> None:
    environ = install("hall", "fabro.ext", "raise SystemExit(3)")

    done = home.run("settings", "schema", **environ)

    assert done.returncode == 0
    assert done.stderr.startswith("hall (acme-hall 2.5): the entry point acme_hall cannot be imported")
    document = {"server": {"auth": {"methods": ["dev-token"]}, "extensions": {"hall": {"anything": 1}}}}
    assert Draft202012Validator(json.loads(done.stdout)).is_valid(document)
