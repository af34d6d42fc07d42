"""The JSON Schema of the settings file says what the reader of the file says."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from fabro_core.config.live_fields import LIVE_ALLOW_LIST
from fabro_core.config.load import Overrides, load
from fabro_core.config.schema import DIALECT, PluginTable, settings_schema
from fabro_core.config.secrets import from_env
from fabro_core.config.tables import join
from fabro_core.config.values import DISTINCT, Form
from fabro_core.context import Problem
from fabro_core.home.initialise import TEMPLATE
from fabro_core.plugins.kinds import AUTH, EXTENSION, KINDS, STORE
from fabro_core.secret import Secret
from fabro_store_sqlite import SqliteSettings
from tests.docs.documents import blocks


class Reviewer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    age: int | None = None


class Mirror(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="mirror", tag_field="mode"):
    """Copies."""

    target: Path


class Sink(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="sink", tag_field="mode"):
    """Swallows."""


class Base(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=9)] = 3
    """How many (server.md S10)."""


class Acme(Base, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every shape of a setting.

    This paragraph is for authors.
    """

    token: Annotated[Secret, from_env("ACME_TOKEN")]
    """Proves it."""
    spare: Annotated[Secret | None, from_env("ACME_SPARE")] = None
    mode: Mirror | Sink
    """What to do,
    and how."""
    reviewers: tuple[Reviewer, ...] = ()
    owners: dict[str, Reviewer] = {}
    words: Annotated[tuple[str, ...], DISTINCT] = ()
    even: Annotated[int, Form("an even number", lambda number: number, kind=int)] = 2
    ratio: float | None = None
    renamed: bool = msgspec.field(name="re-named", default=False)


SQLITE = PluginTable(section=STORE.section, name="sqlite", origin="fabro-store-sqlite 1.0.0", struct=SqliteSettings)
ACME = PluginTable(section=AUTH.section, name="acme", origin="acme-fabro 2.5", struct=Acme)
BROKEN = PluginTable(section=EXTENSION.section, name="broken", origin="broken 1.0", struct=None)
DEV_TOKEN = PluginTable(section=AUTH.section, name="dev-token", origin="fabro-auth-devtoken 1.0.0", struct=None)
GITHUB = PluginTable(section=AUTH.section, name="github", origin="fabro-auth-github 1.0.0", struct=None)
SCHEMA = settings_schema([SQLITE, ACME, BROKEN, DEV_TOKEN, GITHUB], KINDS.sections)


def at(path: str) -> dict[str, Any]:
    """The schema of a key, by its TOML path."""
    schema = SCHEMA
    for key in path.split("."):
        schema = schema["properties"][key]
    return schema


def admits(document: dict[str, Any]) -> bool:
    return Draft202012Validator(SCHEMA).is_valid(document)


def reads(document: dict[str, Any], directory: Path) -> bool:
    """Whether the reader of settings files takes it, tables of plugins included."""
    problems: list[Problem] = []
    environ = {"FABRO_HOME": str(directory), "ACME_TOKEN": "x"}
    draft = load(document, sections=KINDS.sections, environ=environ, overrides=Overrides(), problems=problems)
    for plugin in (SQLITE, ACME):
        table = draft.plugin_tables[plugin.section.path].get(plugin.name)
        if table is not None and plugin.struct is not None:
            draft.reader.read(table, plugin.struct, join(plugin.section.path, plugin.name))
    return not problems


def settings(text: str = "", /, **acme: Any) -> dict[str, Any]:
    """A file with an auth method and the TOML `text`; `acme` are further keys of the table of `acme`."""
    document = tomllib.loads(f'[server.auth]\nmethods = ["acme"]\n{text}')
    if acme:
        document["server"]["auth"]["acme"] = {"mode": {"mode": "sink"}, **acme}
    return document


def test_it_is_a_schema_of_the_draft_it_names() -> None:
    assert SCHEMA["$schema"] == DIALECT == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMA)


def keys(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema and those of all keys below it."""
    yield schema
    for part in (schema, *schema.get("oneOf", ())):
        for key in part.get("properties", {}).values():
            yield from keys(key)


def test_every_key_of_the_core_has_a_title_and_a_description() -> None:
    for key in keys(settings_schema([], KINDS.sections)):
        assert key["title"]
        assert key["description"], key["title"]
        assert ".md" not in key["description"]


@pytest.mark.parametrize("document", ["README.md", "docs/operate/index.md"])
def test_files_that_the_documents_show_are_admitted(document: str) -> None:
    for text in blocks(document, "toml"):
        shown = tomllib.loads(text)
        shown["server"].setdefault("auth", {"methods": ["acme"]})
        Draft202012Validator(SCHEMA).validate(shown)


def test_the_file_that_init_writes_is_admitted_with_and_without_its_comments() -> None:
    without = "".join(line.removeprefix("# ") if " = " in line or "[" in line else line for line in lines(TEMPLATE))
    for text in (TEMPLATE, without):
        Draft202012Validator(SCHEMA).validate(tomllib.loads(text))


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


@pytest.mark.parametrize(
    "document",
    [
        settings(),
        settings("[server.listen]\ntype = 'unix'"),
        settings("[server.listen]\ntype = 'tcp'\naddress = '[::1]:0'"),
        settings("[server.web]\nurl = 'HTTPS://fabro.example.com/'"),
        settings("[server.logging]\nlevel = 'wArning'"),
        settings("[server.storage]\nroot = 'x'"),
        settings("[server.store.sqlite]\npath = 'a.db'\nbusy_timeout_ms = 0"),
        settings(limit=9, words=["a", "b"], ratio=0.5, **{"re-named": True}),
        settings(mode={"mode": "mirror", "target": "there"}, reviewers=[{"name": "a"}, {"name": "b", "age": 3}]),
        settings(owners={"x": {"name": "a"}}),
    ],
)
def test_what_the_reader_takes_is_admitted(document: dict[str, Any], tmp_path: Path) -> None:
    assert reads(document, tmp_path)
    Draft202012Validator(SCHEMA).validate(document)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"server": {}},
        {"server": {"auth": {"methods": []}}},
        {"server": {"auth": {"methods": ["acme", "acme"]}}},
        settings("[nonsense]"),
        settings("[server.listen]"),
        settings("[server.listen]\ntype = 'tcp'"),
        settings("[server.listen]\ntype = 'unix'\naddress = '127.0.0.1:80'"),
        settings("[server.listen]\ntype = 'tcp'\naddress = 'localhost:80'"),
        settings("[server.web]\nurl = 'fabro.example.com'"),
        settings("[server.logging]\nlevel = 'loud'"),
        settings("[server.limits]\nmax_body_bytes = 1"),
        settings("[server.scheduler]\nmax_concurrent_runs = '5'"),
        settings("[server.store.sqlite]\nfile = 'a.db'"),
        settings(token="x"),
        settings(spare="x"),
        settings(limit=0),
        settings(words=["a", "a"]),
        settings(mode={"mode": "sink", "target": "there"}),
        settings(mode={"mode": "other"}),
        settings(reviewers=[{"age": 3}]),
        settings(owners={"x": {"name": 1}}),
        settings(renamed=True),
    ],
)
def test_what_the_reader_refuses_is_refused(document: dict[str, Any], tmp_path: Path) -> None:
    assert not reads(document, tmp_path)
    assert not admits(document)


def test_a_secret_cannot_be_set_and_names_its_variable() -> None:
    assert at("server.auth.acme.token") == {
        "title": "server.auth.acme.token",
        "description": "Proves it. A secret, never in this file: set the environment variable ACME_TOKEN.",
        "not": {},
    }
    assert at("server.auth.acme.spare")["description"].startswith("A secret, never in this file")


def test_texts_below_fields_are_their_descriptions_those_of_a_base_included() -> None:
    assert at("server.auth.acme.mode")["description"] == "What to do, and how."
    assert at("server.auth.acme.limit")["description"] == "How many."
    assert at("server.auth.acme.even")["description"] == "Expected: an even number."
    assert at("server.auth.acme")["description"] == "Every shape of a setting. Settings of acme-fabro 2.5."


def test_names_that_can_be_selected_are_those_of_installed_plugins() -> None:
    assert at("server.store.kind")["enum"] == ["sqlite"]
    assert at("server.auth.methods")["items"] == {"enum": ["acme", "dev-token", "github"]}
    assert not admits({"server": {"auth": {"methods": ["acmee"]}}})


def test_any_table_of_a_plugin_that_cannot_be_loaded_is_admitted() -> None:
    assert admits(settings("[server.extensions.broken]\nanything = 1"))
    assert not admits(settings("[server.extensions.unknown]"))


def test_a_key_that_a_running_server_follows_says_so() -> None:
    follows = "Takes effect while the server runs."
    assert follows in at("server.logging.level")["description"]
    assert follows not in at("server.logging.format").get("description", "")


class Doors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    allowed: Annotated[tuple[str, ...], LIVE_ALLOW_LIST]


def test_a_list_of_who_is_let_in_needs_an_entry() -> None:
    doors = PluginTable(section=AUTH.section, name="doors", origin="doors 1.0", struct=Doors)
    server = settings_schema([doors], KINDS.sections)["properties"]["server"]["properties"]
    table = server["auth"]["properties"]["doors"]
    allowed = table["properties"]["allowed"]
    assert (allowed["type"], allowed["items"], allowed["minItems"]) == ("array", {"type": "string"}, 1)


class Gates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    names: Annotated[tuple[str, ...], LIVE_ALLOW_LIST] = ()
    numbers: Annotated[tuple[int, ...], LIVE_ALLOW_LIST] = ()


@pytest.mark.parametrize(
    ("table", "admitted"),
    [
        ({"names": ["ann"]}, True),
        ({"numbers": [1], "names": []}, True),
        ({"numbers": [1], "names": ["ann"]}, True),
        ({}, False),
        ({"names": []}, False),
        ({"names": [], "numbers": []}, False),
    ],
)
def test_of_several_lists_of_who_is_let_in_one_needs_an_entry(table: dict[str, Any], admitted: bool) -> None:
    gates = PluginTable(section=AUTH.section, name="gates", origin="gates 1.0", struct=Gates)
    server = settings_schema([gates], KINDS.sections)["properties"]["server"]["properties"]
    schema = server["auth"]["properties"]["gates"]
    assert Draft202012Validator(schema).is_valid(table) is admitted


def test_defaults_are_shown_where_they_are_known() -> None:
    assert at("server.auth.acme.limit")["default"] == 3
    assert at("server.auth.acme.reviewers")["default"] == []
    assert at("server.auth.acme.re-named")["default"] is False
    assert "default" not in at("server.auth.acme.ratio")
