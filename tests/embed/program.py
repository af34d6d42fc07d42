"""A program that embeds a server, as a process: `python -m tests.embed.program WAY`, with uvicorn and its defaults.

It prints its port. Its settings are the file in `FABRO_HOME`; whom it lets in is a list there. Each way of embedding is
one that `docs/embed.md` describes, and runs as it does there: nobody tells the server of its end.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, Final

import msgspec
import uvicorn
from litestar import Litestar

from fabro_core import PLUGIN_API, FabroApp, FabroPlugin, InlinePlugin, create_app, hookimpl
from fabro_core.auth.base import AuthMethod, Bearer, Identity
from fabro_core.config.live_fields import LIVE_ALLOW_LIST
from fabro_core.context import PluginContext
from fabro_core.http.asgi import ASGIApp, Receive, Scope, Send
from fabro_core.plugins.kinds import Group
from tests.embed.hosts import fastapi_host, litestar_host, starlette_host
from tests.embed.serving import PREFIX


class DoorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `server.auth.door`."""

    allowed: Annotated[tuple[str, ...], LIVE_ALLOW_LIST]


class Door(AuthMethod):
    """Everybody is who they say; the settings name those who are let in."""

    token_prefixes = ("door-",)

    def __init__(self, ctx: PluginContext) -> None:
        self._settings = ctx.live_settings

    async def authenticate(self, credential: Bearer, /) -> Identity:
        name = credential.token.reveal().removeprefix("door-")
        return Identity(issuer="door", subject=name, login=name)

    async def permits(self, identity: Identity, /) -> bool:
        return identity.login in self._settings().allowed


@hookimpl
def fabro_settings() -> type[DoorSettings]:
    return DoorSettings


@hookimpl
def fabro_auth_method(ctx: PluginContext) -> AuthMethod:
    return Door(ctx)


DOOR: Final = InlinePlugin(
    group=Group.AUTH,
    name="door",
    target=SimpleNamespace(
        FABRO_PLUGIN_API=PLUGIN_API, fabro_settings=fabro_settings, fabro_auth_method=fabro_auth_method
    ),
)


def write_settings(home: Path, *allowed: str) -> None:
    """Let these people in."""
    (home / "settings.toml").write_text(
        '[server.auth]\nmethods = ["door"]\n[server.store]\nkind = "memory"\n[server.web]\nenabled = false\n'
        f"[server.auth.door]\nallowed = {msgspec.json.encode(allowed).decode()}\n"
    )


def bearer(name: str) -> dict[str, str]:
    """The credentials of somebody."""
    return {"Authorization": f"Bearer door-{name}"}


def _settings_file() -> Path:
    return Path(os.environ["FABRO_HOME"], "settings.toml")


def _created() -> FabroApp:
    return create_app(_settings_file(), plugins=[DOOR])


def plain_host(fabro: FabroApp, path: str) -> ASGIApp:
    """An ASGI application without a framework."""

    async def host(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await fabro({**scope, "root_path": path}, receive, send)
            return
        await receive()
        async with fabro.lifespan():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    return host


def _serve(app: Any, listener: socket.socket) -> None:
    uvicorn.run(app, fd=listener.detach(), log_config=None)


def _serve_entered(fabro: FabroApp, listener: socket.socket) -> None:
    """The program enters the lifespan before its server has taken the signals."""

    async def main() -> None:
        server = uvicorn.Server(uvicorn.Config(fabro, lifespan="off", log_config=None))
        async with fabro.lifespan():
            await server.serve(sockets=[listener])

    asyncio.run(main())


WAYS: Final[dict[str, Callable[[socket.socket], None]]] = {
    "starlette": lambda listener: _serve(starlette_host(_created(), PREFIX), listener),
    "fastapi": lambda listener: _serve(fastapi_host(_created(), PREFIX), listener),
    "litestar": lambda listener: _serve(litestar_host(_created(), PREFIX), listener),
    "litestar plugin": lambda listener: _serve(
        Litestar(plugins=[FabroPlugin(_settings_file(), PREFIX, plugins=[DOOR])], logging_config=None), listener
    ),
    "plain": lambda listener: _serve(plain_host(_created(), PREFIX), listener),
    "outermost": lambda listener: _serve(_created(), listener),
    "entered by the program": lambda listener: _serve_entered(_created(), listener),
    "found by itself": lambda listener: _serve(create_app(plugins=[DOOR]), listener),
}
AT_THE_ROOT: Final = frozenset({"outermost", "entered by the program", "found by itself"})


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0)) as bound:
        print(bound.getsockname()[1], flush=True)
        WAYS[sys.argv[1]](bound)
