"""Settings are read as often as anybody likes; what they name is asked and built once."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import fabro_auth_devtoken
from fabro_core.boot.assembly import assemble
from fabro_core.boot.reading import SettingsReader
from fabro_core.context import PluginContext
from fabro_core.errors import StartupError
from fabro_core.home.initialise import TEMPLATE, initialise, is_first_start
from fabro_core.home.rotation import rotate
from fabro_core.hooks import hookimpl
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin


class Counting:
    """The auth method of a new home, whose hooks are counted."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.plugin = InlinePlugin(
            group=Group.AUTH,
            name="dev-token",
            target=SimpleNamespace(
                FABRO_PLUGIN_API=1, fabro_settings=self._settings(), fabro_auth_method=self._auth_method()
            ),
        )

    def _settings(self) -> Any:
        @hookimpl
        def fabro_settings() -> type[msgspec.Struct]:
            self.calls["fabro_settings"] += 1
            return fabro_auth_devtoken.fabro_settings()

        return fabro_settings

    def _auth_method(self) -> Any:
        @hookimpl
        def fabro_auth_method(ctx: PluginContext) -> object:
            self.calls["fabro_auth_method"] += 1
            return fabro_auth_devtoken.fabro_auth_method(ctx)

        return fabro_auth_method


@pytest.fixture
def counting() -> Counting:
    return Counting()


def test_a_first_start_that_follows_its_file_asks_once(counting: Counting, tmp_path: Path) -> None:
    reader = SettingsReader([counting.plugin], environ={"FABRO_HOME": str(tmp_path / "home")})

    assert is_first_start(None, reader.environ)
    initialise(reader)
    assert counting.calls == {"fabro_settings": 1}
    assembly = assemble(reader.read())
    for _ in range(3):
        reader.read_valid()
    rotate(reader, "FABRO_DEV_TOKEN", undeclared="")

    assert [method.name for method in assembly.methods] == ["dev-token"]
    assert counting.calls == {"fabro_settings": 1, "fabro_auth_method": 1}


def test_what_is_wrong_with_a_plugin_is_told_with_every_reading(environ: dict[str, str]) -> None:
    asked: list[str] = []

    @hookimpl
    def fabro_settings() -> None:
        asked.append("settings")
        raise LookupError("no table")

    target = SimpleNamespace(FABRO_PLUGIN_API=1, fabro_settings=fabro_settings)
    reader = SettingsReader([InlinePlugin(group=Group.EXT, name="a", target=target)], environ=environ)
    server = {"auth": {"methods": ["dev-token"]}, "store": {"kind": "memory"}, "extensions": {"enabled": ["a"]}}

    reports = []
    for _ in range(2):
        with pytest.raises(StartupError) as failed:
            reader.read_valid({"server": server})
        reports.append([problem.line() for problem in failed.value.problems])

    assert reports == 2 * [["a (handed over in memory): fabro_settings failed: LookupError: no table"]]
    assert asked == ["settings"]


def test_a_broken_module_is_imported_once(environ: dict[str, str], distribute: Any, tmp_path: Path) -> None:
    imports = tmp_path / "imports"
    source = f"with open({str(imports)!r}, 'a') as file: file.write('x')\nraise RuntimeError('broken')\n"
    distribute("acme-broken", "fabro.auth", "acme", "acme_broken_once", source)
    settings = {"server": {"auth": {"methods": ["acme"]}, "store": {"kind": "memory"}}}
    reader = SettingsReader(environ=environ)

    problems = [reader.read(settings).problems for _ in range(2)]

    assert problems[0] == problems[1]
    assert [problem.path for problem in problems[0]] == ["acme (acme-broken 2.5)"]
    assert imports.read_text() == "x"


def test_a_reading_takes_an_empty_list_that_no_start_takes(environ: dict[str, str]) -> None:
    github = {"client_id": "x", "allowed_usernames": []}
    settings = {"server": {"auth": {"methods": ["github"], "github": github}, "store": {"kind": "memory"}}}
    reader = SettingsReader(environ={**environ, "GITHUB_APP_CLIENT_SECRET": "x"})

    reading = reader.read_valid(settings)

    assert reading.empty_allow_lists == ("server.auth.github.allowed_usernames",)
    with pytest.raises(StartupError, match=r"^server\.auth\.github\.allowed_usernames: expected at least one entry"):
        assemble(reading)


def test_what_can_be_read_is_read_beside_a_problem(environ: dict[str, str]) -> None:
    server = {**tomllib.loads(TEMPLATE)["server"], "limits": {"max_body_bytes": 1}, "logging": {"level": "debug"}}

    reading = SettingsReader(environ=environ).read({"server": server})

    assert reading.settings is None
    assert [problem.path for problem in reading.problems] == ["server.limits.max_body_bytes"]
    assert [each.plugin.name for each in reading.plugins] == ["dev-token", "sqlite"]
    assert "server.logging" in reading.tables
