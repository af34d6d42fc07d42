"""What is wrong with a plugin is found before it is used, and told as its fault (server.md S18)."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Annotated, Any

import msgspec
import pytest
from litestar.config.app import AppConfig

from fabro_core.clock import SystemClock
from fabro_core.config.secrets import from_env
from fabro_core.context import Link, PluginContext, Problem, ServerInfo
from fabro_core.errors import StartupError
from fabro_core.hooks import hookimpl
from fabro_core.plugins.host import LoadedPlugin, NoSettings, PluginHost
from fabro_core.plugins.kinds import AUTH_METHOD, RUN_STORE, Group
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.secret import Secret


class Loading:
    """A plugin being loaded, with the problems it made."""

    def __init__(self, group: Group, api: object, functions: dict[str, Any]) -> None:
        members = {name: hookimpl(function) for name, function in functions.items()}
        target = SimpleNamespace(**members, **({} if api is None else {"FABRO_PLUGIN_API": api}))
        self.problems: list[Problem] = []
        self.plugin = PluginHost().load(InlinePlugin(group=group, name="acme", target=target), self.problems)

    @property
    def messages(self) -> list[str]:
        assert {problem.path for problem in self.problems} <= {"acme (handed over in memory)"}
        return [problem.message for problem in self.problems]

    @property
    def loaded(self) -> LoadedPlugin:
        assert self.messages == []
        assert self.plugin is not None
        return self.plugin


def extension(api: object = 1, **functions: Any) -> Loading:
    return Loading(Group.EXT, api, functions)


CONTEXT = PluginContext(
    name="acme",
    settings=None,
    server=ServerInfo(version="1", public_url="http://localhost", web_enabled=False, plugin_api=1),
    logger=logging.getLogger("test"),
    clock=SystemClock(),
    storage_root="/nowhere",
)


@pytest.mark.parametrize(
    ("api", "words"),
    [
        (None, "it must set FABRO_PLUGIN_API = 1"),
        (2, "was written for plugin API 2, this server offers 1; upgrade fabro-core"),
        (0, "was written for plugin API 0, this server needs 1; upgrade the plugin"),
        ("1", "FABRO_PLUGIN_API must be an integer"),
        (True, "FABRO_PLUGIN_API must be an integer"),
    ],
)
def test_a_plugin_for_another_api_is_refused(api: object, words: str) -> None:
    loading = extension(api)

    assert loading.plugin is None
    (message,) = loading.messages
    assert words in message


def test_an_unknown_hook_gets_the_near_name() -> None:
    assert extension(fabro_ap_init=lambda ctx, app: None).messages == [
        'fabro_ap_init: there is no hook fabro_ap_init, did you mean "fabro_app_init"?'
    ]


def test_an_argument_that_the_hook_does_not_have_is_named() -> None:
    assert extension(fabro_discovery_links=lambda ctx, store: ()).messages == [
        "fabro_discovery_links: the hook has no argument store; its arguments: ctx"
    ]


def test_an_argument_with_a_default_value_is_refused() -> None:
    assert extension(fabro_discovery_links=lambda ctx=None: ()).messages == [
        "fabro_discovery_links: the argument ctx must not have a default value"
    ]


def test_a_coroutine_is_refused() -> None:
    async def fabro_discovery_links() -> None: ...

    assert extension(fabro_discovery_links=fabro_discovery_links).messages == [
        "fabro_discovery_links: a hook must not be async; it builds an object, and the object's methods are async"
    ]


def test_the_hook_of_the_group_is_required() -> None:
    assert Loading(Group.AUTH, 1, {}).messages == ["a plugin of the group fabro.auth must implement fabro_auth_method"]
    assert Loading(Group.STORE, 1, {}).messages == ["a plugin of the group fabro.store must implement fabro_run_store"]


def test_a_hook_without_the_marker_is_found_out() -> None:
    problems: list[Problem] = []
    target = SimpleNamespace(FABRO_PLUGIN_API=1, fabro_auth_method=lambda ctx: None)

    PluginHost().load(InlinePlugin(group=Group.AUTH, name="acme", target=target), problems)

    assert [problem.message for problem in problems] == [
        "a plugin of the group fabro.auth must implement fabro_auth_method, it is not marked with @hookimpl"
    ]


def test_a_function_may_leave_out_arguments() -> None:
    link = Link(rel="x", href="/x")

    assert extension(fabro_discovery_links=lambda: [link]).loaded.links(CONTEXT, []) == [link]


@pytest.mark.parametrize(("result", "found"), [(None, "None"), ("x", "str")])
def test_a_result_of_the_wrong_type_is_a_problem(result: object, found: str) -> None:
    loading = Loading(Group.AUTH, 1, {"fabro_auth_method": lambda: result})

    assert loading.loaded.build(AUTH_METHOD, CONTEXT, loading.problems) is None
    assert loading.messages == [f"fabro_auth_method must return an AuthMethod, not {found}"]


def test_links_must_be_links() -> None:
    loading = extension(fabro_discovery_links=lambda: ["/x"])

    assert loading.loaded.links(CONTEXT, loading.problems) == []
    assert loading.messages == ["fabro_discovery_links must return Link objects, not str"]


def test_what_a_hook_raises_is_attributed_with_its_traceback() -> None:
    def fabro_run_store() -> None:
        raise LookupError("no such engine")

    loading = Loading(Group.STORE, 1, {"fabro_run_store": fabro_run_store})

    assert loading.loaded.build(RUN_STORE, CONTEXT, loading.problems) is None
    assert loading.messages == ["fabro_run_store failed: LookupError: no such engine"]
    assert loading.problems[0].trace is not None
    assert "test_host.py" in loading.problems[0].trace


def test_a_plugin_may_word_its_problems_itself() -> None:
    own = Problem(path="server.store.acme.url", message="the port is missing")

    def fabro_run_store() -> None:
        raise StartupError([own])

    loading = Loading(Group.STORE, 1, {"fabro_run_store": fabro_run_store})

    assert loading.loaded.build(RUN_STORE, CONTEXT, loading.problems) is None
    assert loading.problems == [own]


def test_a_failing_app_init_names_the_plugin() -> None:
    def fabro_app_init(ctx: PluginContext, app: object) -> None:
        raise LookupError("no handler")

    init = extension(fabro_app_init=fabro_app_init).loaded.app_init(CONTEXT)

    assert init is not None
    with pytest.raises(StartupError, match=r"^acme \(handed over in memory\): fabro_app_init failed: LookupError"):
        init(AppConfig())


def test_without_the_settings_hook_there_are_no_keys() -> None:
    assert extension().loaded.settings_type([]) is NoSettings


class Lax(msgspec.Struct, frozen=True):
    pass


class Loose(msgspec.Struct, forbid_unknown_fields=True):
    pass


class Unfillable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Secret


@pytest.mark.parametrize(
    ("struct", "words"),
    [
        (dict, "fabro_settings must return a msgspec.Struct type"),
        (Lax, "Lax must be declared with frozen=True, forbid_unknown_fields=True"),
        (Loose, "Loose must be declared with frozen=True, forbid_unknown_fields=True"),
        (Unfillable, "a Secret field names its variable"),
    ],
)
def test_a_settings_type_that_cannot_serve_is_refused(struct: type, words: str) -> None:
    loading = extension(fabro_settings=lambda: struct)

    assert loading.loaded.settings_type(loading.problems) is None
    (message,) = loading.messages
    assert words in message


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Annotated[Secret, from_env("ACME_TOKEN")]
    spare: Annotated[Secret | None, from_env("ACME_SPARE")] = None


def test_a_settings_type_may_declare_secrets() -> None:
    assert extension(fabro_settings=lambda: Token).loaded.settings_type([]) is Token
