"""A responder that says what a test tells it to, in servers on each store."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fabro_core.context import PluginContext
from fabro_core.errors import InvalidRequest
from fabro_core.hooks import PLUGIN_API, hookimpl
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.sessions import Message, ModelChoice, ReplyPart, SessionResponder, Turn
from tests.api.conftest import Server, serving
from tests.plugins.store_redis.valkey import Valkey
from tests.replicas import replicas as replicas  # a fixture
from tests.replicas import shared_valkey as shared_valkey  # another

Script = Callable[[Turn], AsyncIterator[ReplyPart]]

MODELS = {"small": "small-1", "big": "big-2"}


async def answered(turn: Turn) -> AsyncIterator[ReplyPart]:
    yield Message(text="Because.")


class Scripted(SessionResponder):
    """Follows a script, and notes what it was told."""

    needs_sandbox = False
    needs_model = False

    def __init__(self) -> None:
        self.script: Script = answered
        self.turns: list[Turn] = []
        self.closed = asyncio.Event()
        """Set when a reply was closed before its end."""

    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        self.turns.append(turn)
        try:
            async for part in self.script(turn):
                yield part
        except (GeneratorExit, asyncio.CancelledError):
            self.closed.set()
            raise

    async def choose_model(self, wanted: ModelChoice, /) -> ModelChoice:
        if wanted.model is None:
            return ModelChoice(provider=wanted.provider)
        if wanted.model not in MODELS:
            raise InvalidRequest("model: unknown.")
        return ModelChoice(model=MODELS[wanted.model], provider="acme")


def plugin_of(responder: SessionResponder, name: str = "talker") -> InlinePlugin:
    @hookimpl
    def fabro_session_responder(ctx: PluginContext) -> SessionResponder:
        return responder

    target = SimpleNamespace(FABRO_PLUGIN_API=PLUGIN_API, fabro_session_responder=fabro_session_responder)
    return InlinePlugin(group=Group.EXT, name=name, target=target)


def settings_on(store: dict[str, Any]) -> dict[str, Any]:
    return {
        "server": {"auth": {"methods": ["dev-token"]}, "store": store, "extensions": {"enabled": ["talker"]}},
    }


def with_responder(
    store: dict[str, Any], home: Path, responder: SessionResponder
) -> AbstractAsyncContextManager[Server]:
    return serving(settings_on(store), home, plugin_of(responder))


@pytest.fixture
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture
async def server(tmp_path: Path, scripted: Scripted, anyio_backend: str) -> AsyncIterator[Server]:
    async with with_responder({"kind": "memory"}, tmp_path / "home", scripted) as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
def shared_store(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings of a store that several servers share, which are to have one home."""
    if request.param == "sqlite":
        return {"kind": "sqlite"}
    valkey: Valkey = request.getfixturevalue("shared_valkey")
    return {"kind": "redis", "redis": {"url": valkey.url, "prefix": secrets.token_hex(8)}}
