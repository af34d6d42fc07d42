"""A kind of plugin is a row: kinds that this server does not have, through the whole boot."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Annotated, Any, Final

import msgspec
import pytest

from fabro_core.app import FabroApp
from fabro_core.boot.assembly import Assembly, assemble
from fabro_core.boot.reading import SettingsReader
from fabro_core.config.live_fields import LIVE_ALLOW_LIST
from fabro_core.config.model import Name, Table
from fabro_core.config.schema import settings_schema
from fabro_core.config.sections import Section
from fabro_core.context import PluginContext, Problem
from fabro_core.errors import StartupError
from fabro_core.hooks import hookimpl, hookspec
from fabro_core.plugins.declared import declared_tables
from fabro_core.plugins.discovery import installed_plugins
from fabro_core.plugins.kinds import AUTH, EXTENSION, STORE, Group, Kind, Kinds, ObjectHook
from fabro_core.plugins.reference import hook_reference
from fabro_core.plugins.sources import InlinePlugin

pytestmark = pytest.mark.anyio


class Oven(abc.ABC):
    """Something that is held open."""

    @abc.abstractmethod
    def heat(self) -> int: ...

    async def check(self) -> Sequence[Problem]:
        return ()

    async def check_online(self) -> Sequence[Problem]:
        return ()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        yield


class Timer(abc.ABC):
    """Something that there can be one of, and need not be."""

    @abc.abstractmethod
    def minutes(self) -> int: ...


@hookspec
def fabro_oven(ctx: PluginContext) -> Oven:  # type: ignore[empty-body]
    """The oven."""


@hookspec
def fabro_timer(ctx: PluginContext) -> Timer:  # type: ignore[empty-body]
    """The timer. Optional; one extension has it."""


class Ovens(Table, frozen=True, kw_only=True):
    """What bakes."""

    kind: Name = "none"
    """The one oven."""


OVEN: Final = ObjectHook(spec=fabro_oven)
TIMER: Final = ObjectHook(spec=fabro_timer, required=False, single=True)
OVENS: Final = Kind(
    group="fabro.oven", section=Section(name="oven", table=Ovens, key="kind", nothing="none"), objects=(OVEN,)
)
KITCHEN: Final = Kinds(AUTH, STORE, dataclasses.replace(EXTENSION, objects=(TIMER,)), OVENS)


class OvenSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    heat: int = 180
    bakers: Annotated[tuple[str, ...], LIVE_ALLOW_LIST] = ("ann",)


class GasOven(Oven):
    def __init__(self, ctx: PluginContext) -> None:
        self._settings: OvenSettings = ctx.settings
        self.events: list[str] = []

    def heat(self) -> int:
        return self._settings.heat

    async def check(self) -> Sequence[Problem]:
        too_hot = Problem(path="server.oven.gas.heat", message="too hot")
        return [too_hot] if self.heat() > 300 else []

    async def check_online(self) -> Sequence[Problem]:
        return [Problem(path="server.oven.gas", message="the gas is off")]

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        self.events.append("open")
        yield
        self.events.append("close")


class EggTimer(Timer):
    def minutes(self) -> int:
        return 4


def plugin(group: str, name: str, **hooks: Any) -> InlinePlugin:
    members = {hook: hookimpl(function) for hook, function in hooks.items()}
    return InlinePlugin(group=group, name=name, target=SimpleNamespace(FABRO_PLUGIN_API=1, **members))


def egg_timer(name: str) -> InlinePlugin:
    return plugin(Group.EXT, name, fabro_timer=lambda: EggTimer())


GAS: Final = plugin("fabro.oven", "gas", fabro_settings=lambda: OvenSettings, fabro_oven=lambda ctx: GasOven(ctx))

Start = Callable[..., Assembly]


@pytest.fixture
def start(environ: dict[str, str]) -> Start:
    """A start with the further kinds; the tables of the document are those given."""

    def started(*plugins: InlinePlugin, **tables: object) -> Assembly:
        server = {"auth": {"methods": ["dev-token"]}, "store": {"kind": "memory"}, **tables}
        return assemble(SettingsReader(plugins, environ=environ, kinds=KITCHEN).read({"server": server}))

    return started


@pytest.fixture
def lines(start: Start) -> Callable[..., list[str]]:
    """The report of a start that must fail."""

    def report(*plugins: InlinePlugin, **tables: object) -> list[str]:
        with pytest.raises(StartupError) as failed:
            start(*plugins, **tables)
        return [problem.line() for problem in failed.value.problems]

    return report


def oven_of(assembly: Assembly) -> Oven:
    (part,) = assembly.parts.of(OVEN)
    return part.object


def test_what_the_settings_name_is_built_with_its_settings(start: Start) -> None:
    assembly = start(GAS, oven={"kind": "gas", "gas": {"heat": 210}})

    assert oven_of(assembly).heat() == 210
    assert assembly.warnings == ()


def test_nothing_is_built_when_the_settings_name_nothing(start: Start) -> None:
    assert start(GAS).parts.of(OVEN) == ()
    assert start(GAS, oven={"kind": "none"}).parts.of(OVEN) == ()


def test_a_table_of_what_is_not_selected_is_ignored_with_a_warning(start: Start) -> None:
    assembly = start(GAS, oven={"gas": {"heat": "hot"}})

    assert assembly.warnings == ("[server.oven.gas] is ignored: server.oven.kind does not name gas",)


def test_installed_plugins_of_the_kind_are_found(start: Start, distribute: Any) -> None:
    distribute("acme-oven", "fabro.oven", "wood", "acme_oven_of_wood", "raise RuntimeError('no fire')\n")

    assert ("fabro.oven", "wood") in {(each.group, each.name) for each in installed_plugins(KITCHEN)}
    with pytest.raises(StartupError, match=r"wood \(acme-oven 2\.5\): .* cannot be imported: RuntimeError: no fire"):
        start(oven={"kind": "wood"})


@pytest.mark.parametrize(
    ("oven", "line"),
    [
        (
            {"kind": "gass"},
            'server.oven.kind: no installed plugin provides "gass"; did you mean "gas"?; installed: gas',
        ),
        ({"kind": 3}, "server.oven.kind: expected a name such as dev-token, found 3"),
        ({"knid": "gas"}, 'server.oven.knid: unknown key, did you mean "kind"?'),
        (
            {"gass": {}},
            'server.oven.gass: no installed plugin provides "gass"; did you mean "gas"?; installed: gas',
        ),
        ({"kind": "gas", "gas": {"haet": 3}}, 'server.oven.gas.haet: unknown key, did you mean "heat"?'),
        (
            {"kind": "gas", "gas": {"bakers": []}},
            "server.oven.gas.bakers: expected at least one entry, found an empty array",
        ),
    ],
)
def test_a_wrong_edit_names_key_value_and_way_out(lines: Any, oven: dict[str, object], line: str) -> None:
    assert lines(GAS, oven=oven) == [line]


def test_the_name_of_the_table_has_near_names_like_any_other(lines: Any) -> None:
    assert lines(ovne={"kind": "gas"}) == ['server.ovne: unknown key, did you mean "oven"?']


def test_a_result_of_the_wrong_type_is_a_problem(lines: Any) -> None:
    cold = plugin("fabro.oven", "cold", fabro_oven=lambda: "ice")

    assert lines(cold, oven={"kind": "cold"}) == [
        "cold (handed over in memory): fabro_oven must return an Oven, not str"
    ]


def test_a_missing_hook_is_a_problem(lines: Any) -> None:
    assert lines(plugin("fabro.oven", "gone"), oven={"kind": "gone"}) == [
        "gone (handed over in memory): a plugin of the group fabro.oven must implement fabro_oven"
    ]


def test_a_hook_of_the_kind_has_near_names(lines: Any) -> None:
    assert lines(plugin("fabro.oven", "gas", fabro_ovne=lambda: None), oven={"kind": "gas"}) == [
        'gas (handed over in memory): fabro_ovne: there is no hook fabro_ovne, did you mean "fabro_oven"?',
        "gas (handed over in memory): a plugin of the group fabro.oven must implement fabro_oven",
    ]


async def test_an_object_with_a_lifespan_is_held_open_and_checked(start: Start) -> None:
    assembly = start(GAS, oven={"kind": "gas"})
    oven = oven_of(assembly)
    assert isinstance(oven, GasOven)

    async with assembly.opened():
        assert oven.events == ["open"]
        with pytest.raises(StartupError, match=r"^server\.oven\.gas: the gas is off$"):
            await assembly.check_online()

    assert oven.events == ["open", "close"]


async def test_what_the_object_finds_wrong_stops_the_start(start: Start) -> None:
    with pytest.raises(StartupError, match=r"^server\.oven\.gas\.heat: too hot$"):
        async with start(GAS, oven={"kind": "gas", "gas": {"heat": 301}}).opened():
            pass


# -- one hook in a group of many ----------------------------------------------------------------------------------


def test_an_optional_hook_need_not_be_there(start: Start) -> None:
    assembly = start(plugin(Group.EXT, "a"), extensions={"enabled": ["a"]})

    assert assembly.parts.of(TIMER) == ()


def test_an_optional_hook_that_is_there_builds_its_object(start: Start) -> None:
    assembly = start(plugin(Group.EXT, "a"), egg_timer("egg"), extensions={"enabled": ["a", "egg"]})

    assert [(part.name, part.object.minutes()) for part in assembly.parts.of(TIMER)] == [("egg", 4)]


def test_two_of_what_there_can_be_one_of_are_a_problem(lines: Any) -> None:
    enabled = {"enabled": ["egg", "a", "sand"]}

    assert lines(egg_timer("egg"), plugin(Group.EXT, "a"), egg_timer("sand"), extensions=enabled) == [
        "server.extensions.enabled: egg and sand each implement fabro_timer, which one plugin may; name one of them"
    ]


def test_an_optional_hook_is_judged_as_any_other(lines: Any) -> None:
    def broken(ctx: PluginContext) -> Timer:
        raise LookupError("no sand")

    assert lines(plugin(Group.EXT, "a", fabro_timer=broken), extensions={"enabled": ["a"]}) == [
        "a (handed over in memory): fabro_timer failed: LookupError: no sand"
    ]


# -- what tells about plugins -------------------------------------------------------------------------------------


def test_the_settings_in_force_show_the_name_and_who_is_let_in(start: Start) -> None:
    def shown(assembly: Assembly) -> Any:
        answer = msgspec.json.encode(FabroApp(assembly).settings_in_force())
        return msgspec.json.decode(answer)["server"]["oven"]

    chosen = {"kind": "gas", "gas": {"heat": 210, "bakers": ["bob"]}}
    assert shown(start(GAS, oven=chosen)) == {"kind": "gas", "gas": {"bakers": ["bob"]}}
    assert shown(start()) == {"kind": "none"}


def test_the_schema_and_the_reference_know_the_kind(distribute: Any) -> None:
    distribute("acme-oven", "fabro.oven", "wood", "acme_oven_for_the_schema", "raise RuntimeError\n")

    schema = settings_schema(declared_tables([], KITCHEN), KITCHEN.sections)

    oven = schema["properties"]["server"]["properties"]["oven"]
    assert oven["properties"]["kind"]["enum"] == ["wood", "none"]
    assert oven["properties"]["wood"]["description"] == "Settings of acme-oven 2.5."
    hooks = {hook.name: hook for hook in hook_reference(KITCHEN)}
    assert hooks["fabro_oven"].signature == "fabro_oven(ctx: PluginContext) -> Oven"
    assert hooks["fabro_oven"].required_in == ("fabro.oven",)
    assert (hooks["fabro_timer"].groups, hooks["fabro_timer"].required_in) == (("fabro.ext",), ())
    assert hooks["fabro_settings"].groups == ("fabro.auth", "fabro.store", "fabro.ext", "fabro.oven")
