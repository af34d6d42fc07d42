"""The boot pipeline: from settings to the objects a server is made of, or to every problem at once (server.md S18).

`assemble` does no I/O beyond reading settings and importing plugins; `Assembly.opened` opens the store and the auth
methods. Neither serves anything.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import msgspec

from fabro_core import __version__
from fabro_core.auth.base import AuthMethod, LoginOption
from fabro_core.boot.building import ConfiguredPlugin, Part, Parts, build
from fabro_core.boot.report import in_order
from fabro_core.clock import Clock, SystemClock, epoch_ms
from fabro_core.config.directories import make_private_directory
from fabro_core.config.load import Draft, Overrides, SettingsSource, load
from fabro_core.config.model import Settings, TcpListen, Web
from fabro_core.config.proxies import TrustedProxies, trusted_proxies
from fabro_core.config.public_url import is_exposed_without_url, public_url
from fabro_core.config.secrets import SecretSource, SecretVariable, from_env, missing, process_environment
from fabro_core.config.sections import Section
from fabro_core.config.shapes import declared_secrets
from fabro_core.config.tables import join
from fabro_core.context import Problem, ServerInfo
from fabro_core.errors import StartupError, StoreMisconfigured
from fabro_core.plugins.attribution import Attribution, closing_logged
from fabro_core.plugins.claims import prefix_problems, rival_problems
from fabro_core.plugins.discovery import PluginIndex, installed_plugins
from fabro_core.plugins.fence import FENCE, ApiFence
from fabro_core.plugins.host import NoSettings, PluginHost
from fabro_core.plugins.kinds import AUTH_METHOD, KINDS, RUN_STORE, STORE, Kinds
from fabro_core.plugins.login_options import login_options
from fabro_core.plugins.selection import idle_tables, select
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.secret import Secret
from fabro_core.store.base import RunStore
from fabro_core.store.copy_mark import unfinished_copy_of

SESSION_SECRET: Final = from_env(
    "SESSION_SECRET",
    expected="at least 32 bytes",
    valid=lambda text: len(text.encode("utf-8", "surrogateescape")) >= 32,
    generate=lambda: secrets.token_hex(32),
)
"""Seals browser sessions (auth.md A14, A27)."""

PLUGIN_STEP_SECONDS: Final = 10
"""What a start-up step of an auth method may take (server.md S10)."""

ONLINE_STEP_SECONDS: Final = 30
"""What an auth method may take to contact its identity provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """Everything a server is made of, built and checked but not opened."""

    settings: Settings
    tables: Mapping[str, msgspec.Struct]
    """Every settings table by its path, those of selected plugins among them."""
    server: ServerInfo
    session_secret: Secret | None
    """None: there are no browser sessions."""
    store: RunStore
    store_name: str
    """What the settings call it, such as `sqlite`."""
    methods: tuple[AuthMethod, ...]
    """In the order of the settings, each with its name."""
    parts: Parts
    """Everything that plugins have built, store and methods among it."""
    sections: Mapping[Section, msgspec.Struct]
    """The tables in which plugins are named."""
    empty_allow_lists: frozenset[str]
    """The paths of lists of who is let in that let nobody in; a server that starts has none."""
    options: Mapping[str, LoginOption]
    """How people sign in with a browser, by method; empty without pages."""
    clock: Clock
    trusted_proxies: TrustedProxies
    """For our own listener: an embedding program has its own rules."""
    warnings: tuple[str, ...]
    """For the log; nothing in here stops a start."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Hold the storage root, the store and what other plugins have built open; close them in reverse order,
        whatever fails.

        Raises `StoreUnavailable`, or `StartupError` with the faults of configuration that were found.
        """
        self.make_storage_root()
        async with AsyncExitStack() as stack:
            problems: list[Problem] = []
            try:
                await stack.enter_async_context(closing_logged(f"the store {self.store_name}", self.store.lifespan()))
                problems += await self._copy_problems()
            except StoreMisconfigured as error:
                problems.append(Problem(path=join(STORE.section.path, self.store_name), message=str(error)))
            for part in self.parts.held_open():
                with Attribution(part.table, "cannot be opened", problems):
                    async with asyncio.timeout(PLUGIN_STEP_SECONDS):
                        await stack.enter_async_context(closing_logged(part.name, part.object.lifespan()))
                        problems += await part.object.check()
            if problems:
                raise StartupError(in_order(problems))
            yield

    async def _copy_problems(self) -> list[Problem]:
        """Half a copy is no store to serve from."""
        source = await unfinished_copy_of(self.store, epoch_ms(self.clock.now()))
        if source is None:
            return []
        name = self.store_name
        message = f"{name} holds an unfinished copy; finish it with: fabro store copy {source} {name}"
        return [Problem(path=STORE.section.names_key, message=message)]

    async def check_online(self) -> None:
        """Let what is open contact what it depends on. Raises `StartupError` with every fault."""
        problems: list[Problem] = []
        for part in self.parts.held_open():
            with Attribution(part.table, "cannot be checked", problems):
                async with asyncio.timeout(ONLINE_STEP_SECONDS):
                    problems += await part.object.check_online()
        if problems:
            raise StartupError(in_order(problems))

    def make_storage_root(self) -> None:
        """Create the storage root, private, if it is missing. Raises `StartupError`."""
        root = self.settings.server.storage.root
        try:
            make_private_directory(root)
        except OSError as error:
            message = f"cannot create {error.filename}: {error.strerror}"
            raise StartupError([Problem(path="server.storage.root", message=message)]) from None


Demands = Callable[[Draft], list[Problem]]
"""Judges settings that could be read."""


def demands_of_a_start(draft: Draft) -> list[Problem]:
    """A list of who is let in has somebody on it (auth.md A13)."""
    message = "expected at least one entry, found an empty array"
    return [Problem(path=path, message=message) for path in draft.reader.empty_allow_lists]


def no_demands(draft: Draft) -> list[Problem]:
    """Of a server that runs: it takes an empty list over, and lets nobody in (server.md S17)."""
    return []


def assemble(
    settings: SettingsSource = None,
    *,
    plugins: Sequence[InlinePlugin] = (),
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Overrides | None = None,
    reserve: Callable[[TcpListen], TcpListen] | None = None,
    path: str = "",
    kinds: Kinds = KINDS,
    fence: ApiFence = FENCE,
    demands: Demands = demands_of_a_start,
) -> Assembly:
    """Run the pipeline up to the built objects; raises `StartupError` with every problem, in the order of the report.

    `settings` is a document shaped like the file, the path of a file, or None for the file that server.md S14 finds.
    `environ` replaces the process environment. `reserve` is called with a listener on port 0, once everything else is
    known to be right, and returns it with a port that is bound: the public URL needs it before plugins are built.
    `path` is where a host serves the server; the public URL ends in it unless settings name another. `kinds` are the
    kinds of plugins, `fence` says for which plugin APIs a plugin may have been written. `demands` are what is asked of
    settings that can be read: `no_demands` when a server runs already.
    """
    environ = process_environment() if environ is None else environ
    overrides = overrides or Overrides()
    problems: list[Problem] = []
    draft = load(settings, sections=kinds.sections, environ=environ, overrides=overrides, problems=problems)
    index = PluginIndex(installed_plugins(kinds), plugins)
    idle = idle_tables(index, kinds, draft.plugin_tables, draft.selected, problems)
    configured = _configure(draft, index, kinds, fence, problems)
    problems += demands(draft)
    session_secret = _session_secret(draft, problems)
    proxies = trusted_proxies(environ, problems)
    if draft.settings is None:
        raise StartupError(in_order(problems))
    effective = draft.settings if problems or reserve is None else _with_bound_port(draft.settings, reserve)
    clock = clock or SystemClock()
    server = _server_info(effective, path, fence)
    parts = build(configured, server=server, clock=clock, storage_root=effective.server.storage.root, problems=problems)
    store = next(iter(parts.of(RUN_STORE)), None)
    methods = parts.of(AUTH_METHOD)
    problems += _sharing_problems(store, overrides)
    options = _options(methods, effective, problems)
    if problems or store is None:
        raise StartupError(in_order(problems))
    return Assembly(
        settings=effective,
        tables=draft.reader.tables,
        server=server,
        session_secret=session_secret,
        store=store.object,
        store_name=store.name,
        methods=tuple(part.object for part in methods),
        parts=parts,
        sections={section: draft.reader.tables[section.path] for section in kinds.sections},
        empty_allow_lists=frozenset(draft.reader.empty_allow_lists),
        options=options,
        clock=clock,
        trusted_proxies=proxies,
        warnings=(
            *draft.warnings,
            *idle,
            *_plugin_warnings(configured),
            *_exposure_warning(effective, server.public_url),
            *_path_warning(path, server.public_url),
        ),
    )


def _configure(
    draft: Draft, index: PluginIndex, kinds: Kinds, fence: ApiFence, problems: list[Problem]
) -> list[ConfiguredPlugin]:
    host = PluginHost(problems, kinds=kinds, fence=fence)
    configured = []
    for source in select(index, kinds, draft.selected, problems):
        plugin = host.load(source)
        struct = plugin.settings_type() if plugin is not None else None
        if plugin is None or struct is None:
            continue
        section = plugin.kind.section
        table = draft.plugin_tables[section.path].get(source.name, {})
        path = join(section.path, source.name)
        own = draft.reader.read(table, struct, path)
        if own is not None:
            settings = None if struct is NoSettings else own
            configured.append(ConfiguredPlugin(plugin=plugin, settings=settings))
    problems += rival_problems([each.plugin for each in configured])
    return configured


def _options(
    methods: Sequence[Part[AuthMethod]], settings: Settings, problems: list[Problem]
) -> Mapping[str, LoginOption]:
    """Give the methods their names, and judge what they claim."""
    for part in methods:
        part.object.name = part.name
    problems += prefix_problems([(part.label, part.object.token_prefixes) for part in methods])
    labelled = [(part.label, part.object) for part in methods]
    return login_options(labelled, web_enabled=settings.server.web.enabled, problems=problems)


def secret_variables(
    settings: SettingsSource = None, *, environ: Mapping[str, str]
) -> tuple[SecretSource, list[SecretVariable]]:
    """Where secrets come from, and all that core and the selected plugins declare, the core's first.

    Checks only as far as that needs; raises `StartupError`.
    """
    problems: list[Problem] = []
    draft = load(settings, sections=KINDS.sections, environ=environ, overrides=Overrides(), problems=problems)
    host = PluginHost(problems)
    declared = [SESSION_SECRET]
    for source in select(PluginIndex(installed_plugins()), KINDS, draft.selected, problems):
        plugin = host.load(source)
        struct = plugin.settings_type() if plugin is not None else None
        declared += declared_secrets(struct) if struct is not None else []
    if problems:
        raise StartupError(in_order(problems))
    return draft.secrets, declared


def _session_secret(draft: Draft, problems: list[Problem]) -> Secret | None:
    found = draft.secrets.find(SESSION_SECRET)
    if isinstance(found, Problem):
        problems.append(found)
        return None
    web = draft.reader.tables.get("server.web")
    if found is None and isinstance(web, Web) and web.enabled:
        problems.append(missing(SESSION_SECRET, "while server.web.enabled is true"))
    return found


def _with_bound_port(settings: Settings, reserve: Callable[[TcpListen], TcpListen]) -> Settings:
    listen = settings.server.listen
    if not (isinstance(listen, TcpListen) and listen.port == 0):
        return settings
    server = msgspec.structs.replace(settings.server, listen=reserve(listen))
    return msgspec.structs.replace(settings, server=server)


def _server_info(settings: Settings, path: str, fence: ApiFence) -> ServerInfo:
    return ServerInfo(
        version=__version__,
        public_url=public_url(settings.server, path),
        web_enabled=settings.server.web.enabled,
        plugin_api=fence.offered,
    )


def _sharing_problems(store: Part[RunStore] | None, overrides: Overrides) -> list[Problem]:
    """Several processes see the same runs only in a store that they can share (server.md S21)."""
    if overrides.workers == 1 or store is None or store.object.info().shared:
        return []
    name = store.name
    message = f"{name} cannot be shared by processes, found --workers {overrides.workers}; name a store that can be"
    return [Problem(path=STORE.section.names_key, message=message)]


def _plugin_warnings(configured: Sequence[ConfiguredPlugin]) -> list[str]:
    return [warning for each in configured for warning in each.plugin.warnings]


def _exposure_warning(settings: Settings, url: str) -> list[str]:
    if not is_exposed_without_url(settings.server):
        return []
    return [f"others can connect, but no public URL is set; links say {url}"]


def _path_warning(path: str, url: str) -> list[str]:
    """A proxy may give the path another name, so it is no problem."""
    if url.endswith(path):
        return []
    return [f"the server is served below {path}, but the public URL is {url}; links go there"]
