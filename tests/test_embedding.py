"""A program that serves Fabro inside itself (server.md S13), with the names it imports from `fabro_core`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from litestar import Litestar, asgi, get
from litestar.testing import AsyncTestClient

import fabro_core
from fabro_core import PLUGIN_API, FabroApp, InlinePlugin, create_app, hookimpl
from fabro_core.auth.base import AuthMethod, Bearer, Identity
from fabro_core.context import PluginContext
from fabro_core.errors import CredentialsRejected, StartupError
from fabro_core.plugins.kinds import Group
from fabro_core.testing import ManualClock

pytestmark = pytest.mark.anyio

AUTHORIZATION = {"Authorization": "Bearer guest-7"}


class GuestBook(AuthMethod):
    token_prefixes = ("guest-",)

    async def authenticate(self, credential: Bearer, /) -> Identity:
        number = credential.token.reveal().removeprefix("guest-")
        if not number.isdecimal():
            raise CredentialsRejected
        return Identity(issuer="guests", subject=number, login=f"guest{number}")


@hookimpl
def fabro_auth_method(ctx: PluginContext) -> AuthMethod:
    return GuestBook()


GUESTS = InlinePlugin(
    group=Group.AUTH,
    name="guests",
    target=SimpleNamespace(FABRO_PLUGIN_API=PLUGIN_API, fabro_auth_method=fabro_auth_method),
)


def guest_server(home: Path, **web: object) -> FabroApp:
    settings = {
        "server": {
            "auth": {"methods": ["guests"]},
            "store": {"kind": "memory"},
            "web": {"enabled": False, **web},
        }
    }
    return create_app(settings, plugins=[GUESTS], clock=ManualClock(), environ={"FABRO_HOME": str(home)})


def client_of(app: FabroApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://fabro.test")


async def test_a_program_embeds_a_server_with_a_plugin_of_its_own(tmp_path: Path) -> None:
    fabro = guest_server(tmp_path)
    async with fabro.lifespan(), client_of(fabro) as client:
        user = await client.get("/api/v1/user", headers=AUTHORIZATION)
        stranger = await client.get("/api/v1/user", headers={"Authorization": "Bearer guest-x"})

    assert (user.status_code, user.json()) == (200, {"login": "guest7"})
    assert stranger.status_code == 401


async def test_before_its_lifespan_every_request_is_told_the_missing_line(tmp_path: Path) -> None:
    async with client_of(guest_server(tmp_path)) as client:
        answer = await client.get("/health")

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (503, "not_started")
    assert "async with fabro.lifespan():" in error["detail"]


async def test_a_server_below_a_path_of_a_host_answers_there_and_links_there(tmp_path: Path) -> None:
    fabro = guest_server(tmp_path, url="https://host.test/fabro")

    @get("/")
    async def index() -> str:
        return "the host's own"

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with fabro.lifespan():
            yield

    mounted = asgi("/fabro", is_mount=True, copy_scope=True)(fabro)
    host = Litestar([index, mounted], lifespan=[lifespan], openapi_config=None)
    async with AsyncTestClient(host) as client:
        own = await client.get("/")
        root = await client.get("/fabro/")
        user = await client.get("/fabro/api/v1/user", headers=AUTHORIZATION)

    assert own.text == "the host's own"
    assert root.json()["urls"]["current_user_url"] == "/fabro/api/v1/user"
    assert user.json() == {"login": "guest7"}


def test_creating_a_server_reports_every_problem_and_opens_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    document = {"server": {"auth": {"methods": ["guests"]}, "stroage": {}}}
    with pytest.raises(StartupError) as failed:
        create_app(document, plugins=[GUESTS], environ={"FABRO_HOME": str(home)})

    assert [problem.path for problem in failed.value.problems] == ["server.stroage", "SESSION_SECRET"]
    assert not home.exists()


@pytest.mark.parametrize("name", fabro_core.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(fabro_core, name) is not None


def test_a_name_that_is_not_public_is_missing() -> None:
    assert not hasattr(fabro_core, "assemble")
