"""The login page (auth.md A16)."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Literal
from urllib.parse import quote

import httpx
import pytest

from fabro_core.auth.base import AuthMethod, LoginField, LoginOption
from fabro_core.hooks import PLUGIN_API, hookimpl
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin
from tests.api.brittle import EVERYTHING, BrittleStore, plugin_of
from tests.api.conftest import Server, in_memory, serving
from tests.web.conftest import browsing
from tests.web.markup import find, links_of

pytestmark = pytest.mark.anyio


class Offering(AuthMethod):
    """Signs people in in some way, or in none."""

    def __init__(self, option: LoginOption | None) -> None:
        self._option = option

    def option(self) -> LoginOption | None:
        return self._option


def method(name: str, option: LoginOption | None) -> InlinePlugin:
    @hookimpl
    def fabro_auth_method() -> AuthMethod:
        return Offering(option)

    target = SimpleNamespace(FABRO_PLUGIN_API=PLUGIN_API, fabro_auth_method=fabro_auth_method)
    return InlinePlugin(group=Group.AUTH, name=name, target=target)


def option(kind: Literal["form", "redirect"], label: str, *fields: LoginField) -> LoginOption:
    return LoginOption(kind=kind, label=label, fields=fields)


NAME, PASSWORD = LoginField(name="name", label="Name"), LoginField(name="password", label="Password", secret=True)
ACCOUNT = option("form", "Account", NAME, PASSWORD)
PROVIDER = option("redirect", "Acme <ID>")


async def page_with(home: Path, *plugins: InlinePlugin, path: str = "/login") -> str:
    names = [plugin.name for plugin in plugins]
    async with serving(in_memory(auth={"methods": names}), home, *plugins) as server, browsing(server) as client:
        answer = await client.get(path)
        assert answer.status_code == 200
        return answer.text


async def test_ways_to_sign_in_stand_in_the_order_of_the_settings(tmp_path: Path) -> None:
    first, second = method("acme", PROVIDER), method("account", ACCOUNT)
    page = await page_with(tmp_path, first, method("tokens", None), second)
    turned = await page_with(tmp_path, second, first)

    def ways(page: str) -> list[str]:
        return [link for link in links_of(page) if link.startswith("/auth/login/")]

    assert ways(page) == ["/auth/login/acme", "/auth/login/account"]
    assert ways(turned) == ["/auth/login/account", "/auth/login/acme"]


async def test_a_form_has_its_fields_each_with_a_label_and_secrets_hidden(tmp_path: Path) -> None:
    page = await page_with(tmp_path, method("account", ACCOUNT))
    (form,) = find(page, "form")
    assert form.attributes["method"] == "post"
    inputs = {element.attributes["name"]: element for element in find(page, "input") if "name" in element.attributes}
    assert {name: element.attributes["type"] for name, element in inputs.items()} == {
        "name": "text",
        "password": "password",
    }
    for name, label in (("name", "Name"), ("password", "Password")):
        (written,) = find(page, "label", **{"for": inputs[name].attributes["id"]})
        assert written.text == label


async def test_what_a_method_calls_itself_is_text(tmp_path: Path) -> None:
    page = await page_with(tmp_path, method("acme", PROVIDER))
    assert find(page, "id") == []
    assert [link.text for link in find(page, "a", href="/auth/login/acme")] == ["Continue with Acme <ID>"]


async def test_where_to_return_to_goes_with_every_way(tmp_path: Path) -> None:
    wanted = "/runs/01KJQ0QEPA7V9X1B2C4D6F8G0H?a=b&c=d"
    path = f"/login?return_to={quote(wanted, safe='')}"
    page = await page_with(tmp_path, method("acme", PROVIDER), method("account", ACCOUNT), path=path)
    (hidden,) = find(page, "input", type="hidden", name="return_to")
    assert hidden.attributes["value"] == wanted
    (link,) = find(page, "a", href=f"/auth/login/acme?return_to={quote(wanted, safe='/')}")
    assert link.text == "Continue with Acme <ID>"


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil", "/auth/logout", ""])
async def test_a_way_out_of_this_server_is_not_passed_on(visitor: httpx.AsyncClient, elsewhere: str) -> None:
    page = (await visitor.get("/login", params={"return_to": elsewhere})).text
    assert find(page, "input", name="return_to") == []
    assert "evil" not in page


ERRORS = ("invalid_credentials", "unauthorized", "access_denied", "server_error")


async def alert_of(visitor: httpx.AsyncClient, error: str) -> str:
    page = (await visitor.get("/login", params={"error": error})).text
    (alert,) = find(page, "p", role="alert")
    (described,) = find(page, "input", type="password", **{"aria-describedby": alert.attributes["id"]})
    assert described.attributes["name"] == "token"
    return alert.text


async def test_every_failure_has_a_sentence_of_its_own(visitor: httpx.AsyncClient) -> None:
    sentences = [await alert_of(visitor, error) for error in ERRORS]
    assert len(set(sentences)) == len(ERRORS)
    assert all(sentence.endswith(".") for sentence in sentences)


@pytest.mark.parametrize("error", ["something_else", "<b>bold</b>", "", "Pay at evil.example"])
async def test_any_other_failure_has_one_sentence_and_is_not_echoed(visitor: httpx.AsyncClient, error: str) -> None:
    assert await alert_of(visitor, error) == await alert_of(visitor, "another")
    page = (await visitor.get("/login", params={"error": error})).text
    assert not error or error not in page
    assert await alert_of(visitor, error) not in [await alert_of(visitor, known) for known in ERRORS]


async def test_without_a_failure_there_is_no_alert(visitor: httpx.AsyncClient) -> None:
    assert find((await visitor.get("/login")).text, "p", role="alert") == []


async def test_without_a_way_to_sign_in_it_tells_how_to_use_the_api(tmp_path: Path) -> None:
    page = await page_with(tmp_path, method("tokens", None))
    assert find(page, "form") == []
    (command,) = find(page, "code")
    assert command.text == 'curl -H "Authorization: Bearer $TOKEN" http://localhost:3000/api/v1/runs'
    assert find(page, "a", href="/api/v1/openapi.json")
    assert "tokens" in page


async def test_programs_may_read_it_too_and_it_asks_for_nothing(server: Server) -> None:
    for headers in ({}, {"Authorization": "Basic nonsense"}, {"Cookie": "__fabro_session=garbage"}):
        answer = await server.anonymous.get("/login", headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_a_parameter_given_twice_is_refused(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/login?error=a&error=b")).status_code == 400


async def test_it_is_shown_while_the_store_is_down(tmp_path: Path) -> None:
    store = BrittleStore()
    async with serving(in_memory(store={"kind": "brittle"}), tmp_path, plugin_of(store)) as server:
        store.failing = EVERYTHING
        async with browsing(server) as client:
            assert (await client.get("/login")).status_code == 200
            page = await client.get("/runs", headers={"Cookie": "__fabro_session=garbage"})
            assert page.status_code == 303, "what does not decrypt needs no store"
