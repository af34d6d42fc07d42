"""The assembly: from settings that were read to the objects a server is made of, or to every problem (server.md S18).

`assemble` builds and judges, and does no I/O of its own. `Assembly.opened` opens what was built. Neither serves
anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

import msgspec

from fabro_core import __version__
from fabro_core.auth.base import AuthMethod, LoginOption
from fabro_core.boot.building import Part, Parts, build
from fabro_core.boot.reading import ConfiguredPlugin, Reading
from fabro_core.boot.report import in_order
from fabro_core.causes import errors_of_stores, told
from fabro_core.clock import Clock, SystemClock, epoch_ms
from fabro_core.config.directories import make_private_directory
from fabro_core.config.model import Settings, TcpListen
from fabro_core.config.public_url import is_exposed_without_url, public_url
from fabro_core.config.tables import join
from fabro_core.context import Problem, ServerInfo
from fabro_core.errors import StartupError, StoreMisconfigured
from fabro_core.plugins.attribution import Attribution, closing_logged
from fabro_core.plugins.claims import prefix_problems
from fabro_core.plugins.kinds import AUTH_METHOD, RUN_STORE, STORE
from fabro_core.plugins.login_options import login_options
from fabro_core.store.base import RunStore
from fabro_core.store.bounded import BoundedStore
from fabro_core.store.copy_mark import unfinished_copy_of
from fabro_core.store.fence import fenced_for
from fabro_core.store.probe import try_a_write

PLUGIN_STEP_SECONDS: Final = 10
"""What a start-up step of a plugin's object may take; the store's own is not limited (server.md S10)."""

ONLINE_STEP_SECONDS: Final = 30
"""What an auth method may take to contact its identity provider."""

Reserve = Callable[[TcpListen], TcpListen]
"""Binds a listener on port 0, and returns it with the port that was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """Everything a server is made of, built and checked but not opened."""

    reading: Reading
    """What it was built from."""
    settings: Settings
    """Those that were read, with the port that was bound."""
    server: ServerInfo
    store: RunStore
    store_name: str
    """What the settings call it, such as `sqlite`."""
    methods: tuple[AuthMethod, ...]
    """In the order of the settings, each with its name."""
    options: Mapping[str, LoginOption]
    """How people sign in with a browser, by method; empty without pages."""
    parts: Parts
    """Everything that plugins have built, store and methods among it."""
    clock: Clock
    warnings: tuple[str, ...]
    """For the log; nothing in here stops a start."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Hold the storage root, the store and what other plugins have built open; close them in reverse order,
        whatever fails.

        Raises `StoreUnavailable`, or `StartupError` with the faults of configuration that were found.
        """
        async with self._opening() as (stack, problems):
            with self._faults_of_the_store(problems):
                await self._open_store(stack, problems)
            await self._open_others(stack, problems)
            yield

    @asynccontextmanager
    async def checked(self) -> AsyncIterator[Sequence[str]]:
        """As `opened`, but nothing changes the layout of what is stored: where that is due the store stays closed, and
        what the next start will do is yielded, one line a step. A store that is opened is written to, too."""
        async with self._opening() as (stack, problems):
            steps: Sequence[str] = ()
            with self._faults_of_the_store(problems):
                steps = await self.store.pending_migrations()
                if not steps:
                    await self._open_store(stack, problems)
            await self._open_others(stack, problems)
            if not steps:
                with errors_of_stores():
                    await self.store.ping()
                    await try_a_write(self.store, epoch_ms(self.clock.now()))
            yield steps

    @asynccontextmanager
    async def _opening(self) -> AsyncIterator[tuple[AsyncExitStack, list[Problem]]]:
        make_storage_root(self.settings)
        async with AsyncExitStack() as stack:
            yield stack, []

    @contextmanager
    def _faults_of_the_store(self, problems: list[Problem]) -> Iterator[None]:
        try:
            with errors_of_stores():
                yield
        except StoreMisconfigured as error:
            problems.append(Problem(path=join(STORE.section.path, self.store_name), message=told(error)))

    async def _open_store(self, stack: AsyncExitStack, problems: list[Problem]) -> None:
        await stack.enter_async_context(closing_logged(f"the store {self.store_name}", self.store.lifespan()))
        problems += await self._problems_of_moves()

    async def _open_others(self, stack: AsyncExitStack, problems: list[Problem]) -> None:
        """Open what other plugins have built. Raises `StartupError` with all problems, those before included."""
        for part in self.parts.held_open():
            with Attribution(part.table, "cannot be opened", problems):
                async with asyncio.timeout(PLUGIN_STEP_SECONDS):
                    await stack.enter_async_context(closing_logged(part.name, part.object.lifespan()))
                    problems += await part.object.check()
        if problems:
            raise StartupError(in_order(problems))

    async def _problems_of_moves(self) -> list[Problem]:
        """Neither half a copy is a store to serve from, nor one whose contents live elsewhere by now."""
        name, now_ms = self.store_name, epoch_ms(self.clock.now())
        messages = []
        if source := await unfinished_copy_of(self.store, now_ms):
            messages.append(
                f"{name} holds an unfinished copy; finish it with: fabro store copy {source} {name} --final"
            )
        if target := await fenced_for(self.store, now_ms):
            messages.append(
                f"{name} is fenced, as what it holds moves to {target}; name {target}, or take writes here again with: "
                f"fabro store unfence {name}"
            )
        return [Problem(path=STORE.section.names_key, message=message) for message in messages]

    async def check_online(self) -> None:
        """Let what is open contact what it depends on. Raises `StartupError` with every fault."""
        problems: list[Problem] = []
        for part in self.parts.held_open():
            with Attribution(part.table, "cannot be checked", problems):
                async with asyncio.timeout(ONLINE_STEP_SECONDS):
                    problems += await part.object.check_online()
        if problems:
            raise StartupError(in_order(problems))


def assemble(
    reading: Reading, *, clock: Clock | None = None, reserve: Reserve | None = None, path: str = ""
) -> Assembly:
    """Build everything; raises `StartupError` with every problem, those of the reading included, in the order of the
    report.

    `reserve` is called for a listener on port 0, once everything else is known to be right: the public URL needs the
    port before plugins are built. `path` is where a host serves the server; the public URL ends in it unless settings
    name another.
    """
    problems = _problems_of_a_start(reading)
    if reading.settings is None:
        raise StartupError(in_order(problems))
    settings = reading.settings if problems or reserve is None else _with_bound_port(reading.settings, reserve)
    server = _server_info(reading, settings, path)
    clock = clock or SystemClock()
    parts = _built(reading.plugins, server, settings, clock, problems)
    methods = parts.of(AUTH_METHOD)
    options = _admitted(methods, settings, problems)
    store = parts.one(RUN_STORE)
    problems += _sharing_problems(store, reading.workers)
    if problems or store is None:
        raise StartupError(in_order(problems))
    return Assembly(
        reading=reading,
        settings=settings,
        server=server,
        store=BoundedStore(store.object, settings.server.limits.store_seconds),
        store_name=store.name,
        methods=tuple(part.object for part in methods),
        options=options,
        parts=parts,
        clock=clock,
        warnings=(*reading.warnings, *_warnings_of_addresses(settings, server.public_url, path)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AssembledStore:
    """A store without a server around it, built but not opened."""

    settings: Settings
    store: RunStore
    name: str
    """What the settings call it."""
    clock: Clock


def assemble_store(reading: Reading) -> AssembledStore:
    """Build the store and nothing else, for work on what it holds. Raises `StartupError` as `assemble` does."""
    problems = _problems_of_a_start(reading)
    if reading.settings is None:
        raise StartupError(in_order(problems))
    clock = SystemClock()
    plugins = [each for each in reading.plugins if RUN_STORE in each.plugin.kind.objects]
    parts = _built(plugins, _server_info(reading, reading.settings, ""), reading.settings, clock, problems)
    store = parts.one(RUN_STORE)
    if problems or store is None:
        raise StartupError(in_order(problems))
    return AssembledStore(settings=reading.settings, store=store.object, name=store.name, clock=clock)


def make_storage_root(settings: Settings) -> None:
    """Create the storage root, private, if it is missing. Raises `StartupError`."""
    try:
        make_private_directory(settings.server.storage.root)
    except OSError as error:
        message = f"cannot create {error.filename}: {error.strerror}"
        raise StartupError([Problem(path="server.storage.root", message=message)]) from None


def _problems_of_a_start(reading: Reading) -> list[Problem]:
    """Those of reading, and what a running server would put up with."""
    message = "expected at least one entry, found an empty array"
    return [*reading.problems, *(Problem(path=path, message=message) for path in reading.empty_allow_lists)]


def _built(
    plugins: Sequence[ConfiguredPlugin], server: ServerInfo, settings: Settings, clock: Clock, problems: list[Problem]
) -> Parts:
    root = settings.server.storage.root
    return build(plugins, server=server, clock=clock, storage_root=root, problems=problems)


def _with_bound_port(settings: Settings, reserve: Reserve) -> Settings:
    listen = settings.server.listen
    if not (isinstance(listen, TcpListen) and listen.port == 0):
        return settings
    server = msgspec.structs.replace(settings.server, listen=reserve(listen))
    return msgspec.structs.replace(settings, server=server)


def _server_info(reading: Reading, settings: Settings, path: str) -> ServerInfo:
    return ServerInfo(
        version=__version__,
        public_url=public_url(settings.server, path),
        web_enabled=settings.server.web.enabled,
        plugin_api=reading.plugin_api,
    )


def _admitted(
    methods: Sequence[Part[AuthMethod]], settings: Settings, problems: list[Problem]
) -> Mapping[str, LoginOption]:
    """Give the methods their names, and judge what they claim and offer."""
    for part in methods:
        part.object.name = part.name
    problems += prefix_problems([(part.label, part.object.token_prefixes) for part in methods])
    labelled = [(part.label, part.object) for part in methods]
    return login_options(labelled, web_enabled=settings.server.web.enabled, problems=problems)


def _sharing_problems(store: Part[RunStore] | None, workers: int) -> list[Problem]:
    """Several processes see the same runs only in a store that they can share (server.md S21)."""
    if workers == 1 or store is None or store.object.info().shared:
        return []
    message = f"{store.name} cannot be shared by processes, found --workers {workers}; name a store that can be"
    return [Problem(path=STORE.section.names_key, message=message)]


def _warnings_of_addresses(settings: Settings, url: str, path: str) -> list[str]:
    warnings = []
    if is_exposed_without_url(settings.server):
        warnings.append(f"others can connect, but no public URL is set; links say {url}")
    if not url.endswith(path):  # a proxy may give the path another name, so it is no problem
        warnings.append(f"the server is served below {path}, but the public URL is {url}; links go there")
    return warnings
