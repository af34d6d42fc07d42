"""The page of a person's sign-ins: what it lists, and ending them with its forms (auth.md A7, A18)."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from fabro_core.auth.base import Identity
from fabro_core.http.services import SERVICES, Services
from tests.api.conftest import Server
from tests.web.conftest import ORIGIN, browsing, sign_in
from tests.web.markup import find

pytestmark = pytest.mark.anyio

NOBODYS = "6f1f0a52-0d2e-4a55-9d0e-3a4f4f3c9b11"
DEVELOPER = Identity(issuer="fabro:dev", subject="dev", login="dev")


def services(server: Server) -> Services:
    found = server.app.litestar.state[SERVICES]
    assert isinstance(found, Services)
    return found


async def sign_ins(client: httpx.AsyncClient) -> dict[str, str]:
    """Where the form of each sign-in goes, by what the page calls the sign-in."""
    answer = await client.get("/account")
    assert answer.status_code == 200, answer.text
    names = [element.text for element in find(answer.text, "th", role="rowheader")]
    forms = [form.attributes["action"] for form in find(answer.text, "form") if "account" in form.attributes["action"]]
    return dict(zip(names, forms, strict=True))


async def test_sign_ins_are_listed_with_what_people_know_them_by(server: Server, member: httpx.AsyncClient) -> None:
    chains = services(server).auth.require_browser().cli.chains
    await chains.open(DEVELOPER, "dev-token", user_agent="fabro-cli/1.2.3")
    async with browsing(server) as other:
        other.headers["User-Agent"] = "Other/1 <b>"
        await sign_in(other, server)
        server.clock.advance(timedelta(minutes=5))
        page = (await other.get("/account")).text
    headers = [element.text for element in find(page, "th", role="rowheader")]
    assert headers[0] == "This browser Other/1 <b>"
    assert {header.split(" ")[0] for header in headers[1:]} == {"Browser", "Fabro"}
    assert "Dev Token, dev@fabro.local" in page
    cells = [element.text for element in find(page, "td", role="cell")]
    assert cells[:3] == ["Signed in 5 min ago", "Last used just now", "Sign out"]
    buttons = [element.attributes.get("aria-label", "") for element in find(page, "button")][1:]
    assert len(set(buttons)) == len(buttons) == 3


async def test_ending_a_sign_in_ends_that_one_and_no_other(server: Server, member: httpx.AsyncClient) -> None:
    async with browsing(server) as other:
        other.headers["User-Agent"] = "Other/1"
        await sign_in(other, server)
        target = (await sign_ins(member))["Browser Other/1"]
        answer = await member.post(target, headers={"Origin": ORIGIN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")
        assert (await other.get("/runs")).headers["location"] == "/login?return_to=/runs"
    assert len(await sign_ins(member)) == 1


async def test_ending_the_own_sign_in_signs_out(member: httpx.AsyncClient) -> None:
    (target,) = (await sign_ins(member)).values()
    answer = await member.post(target)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert (await member.get("/runs")).status_code == 303


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_a_form_of_another_site_ends_nothing(member: httpx.AsyncClient, headers: dict[str, str]) -> None:
    (target,) = (await sign_ins(member)).values()
    refused = await member.post(target, headers=headers)
    assert refused.status_code == 403
    assert "Cross-site request rejected." in refused.text
    assert list((await sign_ins(member)).values()) == [target]


@pytest.mark.parametrize(
    ("name", "status"), [(f"browser:{NOBODYS}", 404), (f"cli:{NOBODYS}", 404), ("browser:x", 400), ("x", 404)]
)
async def test_what_is_not_the_persons_cannot_be_ended(member: httpx.AsyncClient, name: str, status: int) -> None:
    answer = await member.post(f"/account/sign-ins/{name}/end")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")


async def test_without_a_session_the_way_leads_to_the_sign_in(visitor: httpx.AsyncClient) -> None:
    for answer in (await visitor.get("/account"), await visitor.post("/account/sign-ins/browser:current/end")):
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?return_to=/account")


async def test_it_is_no_route_for_programs(server: Server) -> None:
    for method, path in (("GET", "/account"), ("POST", "/account/sign-ins/browser:current/end")):
        answer = await server.client.request(method, path)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "route_not_found")
