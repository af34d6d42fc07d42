"""Pages that need a session: who gets to see them (server.md S2), the list of runs, and a run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx
import pytest

from fabro_core.auth.base import AuthMethod, Identity, LoginField, LoginForm, LoginOption
from fabro_core.hooks import PLUGIN_API, hookimpl
from fabro_core.http.services import SERVICES, Services
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin
from tests.api.brittle import EVERYTHING, BrittleStore, plugin_of
from tests.api.conftest import Server, in_memory, serving
from tests.api.seeding import STATUSES, Seed, put
from tests.web.conftest import browsing, sign_in
from tests.web.markup import Element, elements_of, find, links_of

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
DEVELOPER = Identity(issuer="fabro:dev", subject="dev", login="dev")
MINUTE_MS, DAY_MS = 60_000, 86_400_000


# -- who gets to see them ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "return_to"),
    [
        ("/runs", "/runs"),
        ("/runs?page=2&x=%C3%A4", "/runs%3Fpage%3D2%26x%3D%25C3%25A4"),
        (f"/runs/{UNKNOWN}", f"/runs/{UNKNOWN}"),
        (f"/runs/{UNKNOWN}/deeper/down", f"/runs/{UNKNOWN}/deeper/down"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"Cookie": "__fabro_session=garbage"}], ids=["none", "garbage"])
async def test_without_a_session_the_way_leads_to_the_sign_in_and_back(
    visitor: httpx.AsyncClient, path: str, return_to: str, headers: dict[str, str]
) -> None:
    answer = await visitor.get(path, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?return_to={return_to}")


async def test_a_bearer_token_is_no_session(
    server: Server, visitor: httpx.AsyncClient, member: httpx.AsyncClient
) -> None:
    services = server.app.litestar.state[SERVICES]
    assert isinstance(services, Services)
    login = services.auth.require_browser().cli
    issued = await login.chains.open(DEVELOPER, "dev-token", user_agent=None)
    access_token = login.access_tokens.issue(issued.token.chain_id, issued.chain).text.reveal()
    assert (await visitor.get("/api/v1/user", headers={"Authorization": f"Bearer {access_token}"})).status_code == 200
    for token in (server.token, access_token, "nonsense"):
        for client in (visitor, member):
            answer = await client.get("/runs", headers={"Authorization": f"Bearer {token}"})
            assert answer.headers["location"] == "/login?return_to=/runs"


async def test_pages_are_no_routes_for_programs(server: Server, member: httpx.AsyncClient) -> None:
    for client in (server.client, member):
        for path in ("/runs", f"/runs/{UNKNOWN}", "/runs/a/b"):
            answer = await client.get(path, headers={"Accept": "application/json"})
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "route_not_found")


async def test_a_visit_ends_at_the_page_that_was_wanted(server: Server, visitor: httpx.AsyncClient) -> None:
    run = await server.create()
    asked = await visitor.get(f"/runs/{run['id']}?a=b", follow_redirects=True)
    (form,), (hidden,) = find(asked.text, "form"), find(asked.text, "input", type="hidden")
    fields = {hidden.attributes["name"]: hidden.attributes["value"], "token": server.token}
    answer = await visitor.post(form.attributes["action"], data=fields)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run['id']}?a=b")
    assert (await visitor.get(answer.headers["location"])).status_code == 200


class Doorkeeper(AuthMethod):
    """Signs everybody in, and changes its mind."""

    permitting = True

    def option(self) -> LoginOption:
        return LoginOption(kind="form", label="The door", fields=(LoginField(name="name", label="Name"),))

    async def sign_in(self, form: LoginForm, /) -> Identity:
        return Identity(issuer="door", subject="1", login=form.fields["name"].reveal())

    async def permits(self, identity: Identity, /) -> bool:
        return self.permitting


async def test_who_is_no_longer_permitted_reads_so_and_may_sign_out(tmp_path: Path) -> None:
    keeper = Doorkeeper()

    @hookimpl
    def fabro_auth_method() -> AuthMethod:
        return keeper

    target = SimpleNamespace(FABRO_PLUGIN_API=PLUGIN_API, fabro_auth_method=fabro_auth_method)
    plugin = InlinePlugin(group=Group.AUTH, name="door", target=target)
    async with serving(in_memory(auth={"methods": ["door"]}), tmp_path, plugin) as server, browsing(server) as client:
        await client.post("/auth/login/door", data={"name": "<i>Mona</i>"})
        page = await client.get("/runs")
        assert page.status_code == 200
        assert find(page.text, "strong")[0].text == "<i>Mona</i>"
        assert "with The door" in page.text
        keeper.permitting = False
        refused = await client.get("/runs")
        assert refused.status_code == 403
        assert "Login not permitted." in refused.text
        assert find(refused.text, "form", method="post", action="/auth/logout")
        keeper.permitting = True
        assert (await client.get("/runs")).status_code == 200


async def test_the_form_on_every_page_signs_out(server: Server, member: httpx.AsyncClient) -> None:
    run = await server.create()
    for path in ("/runs", f"/runs/{run['id']}"):
        page = (await member.get(path)).text
        assert find(page, "form", method="post", action="/auth/logout")
        assert find(page, "strong")[0].text == "dev"
    assert (await member.post("/auth/logout")).headers["location"] == "/login"
    assert (await member.get("/runs")).status_code == 303


async def test_a_store_that_fails_is_a_page_with_503(tmp_path: Path) -> None:
    store = BrittleStore()
    settings = in_memory(store={"kind": "brittle"})
    async with serving(settings, tmp_path, plugin_of(store)) as server, browsing(server) as client:
        await sign_in(client, server)
        store.failing = EVERYTHING
        answer = await client.get("/runs")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert find(answer.text, "h1")[0].text == "Service Unavailable"


# -- the list -------------------------------------------------------------------------------------------------------


def cells(page: str) -> list[list[str]]:
    """The texts of the table's rows, below its head."""
    rows: list[list[str]] = []
    for element in elements_of(page):
        if element.tag == "tr":
            rows.append([])
        elif element.tag in ("th", "td"):
            rows[-1].append(element.text)
    return rows[1:]


def paging(page: str) -> dict[str, str]:
    return {link.attributes["rel"]: link.attributes["href"] for link in find(page, "a") if "rel" in link.attributes}


async def test_a_run_is_listed_with_title_workflow_status_and_age(server: Server, member: httpx.AsyncClient) -> None:
    now_ms = int((server.clock.now() - Seed().created_at).total_seconds() * 1000)
    await put(
        server.store,
        Seed(title="Ship <it>", status="failed", created=now_ms - 5 * MINUTE_MS, workflow_name="Deploy & watch"),
        Seed(title="Older", status="running", created=now_ms - 2 * DAY_MS, graph_name="Review"),
        Seed(title="Hidden", status="succeeded", archived=True, created=now_ms, entropy=1),
        Seed(title="Hidden too", status="removing", created=now_ms, entropy=2),
    )
    page = (await member.get("/runs")).text
    assert cells(page) == [
        ["Ship <it>", "Deploy & watch", "Failed", "5 min ago"],
        ["Older", "Review", "Running", "2 days ago"],
    ]
    assert "1 to 2 of 2" in page
    assert paging(page) == {}


async def test_the_list_is_read_page_by_page(server: Server, member: httpx.AsyncClient) -> None:
    await put(server.store, *(Seed(title=f"Run {number}", entropy=number) for number in range(45)))
    seen: list[str] = []
    path, turned = "/runs", [""]
    for number, (first, last) in enumerate([(1, 20), (21, 40), (41, 45)], start=1):
        page = (await member.get(path)).text
        seen += [row[0] for row in cells(page)]
        assert f"{first} to {last} of 45" in page
        links = paging(page)
        assert links.get("prev", "") == turned[-1]
        assert ("next" in links) is (number < 3)
        turned.append(path)
        path = links.get("next", "")
    assert seen == [f"Run {number}" for number in range(44, -1, -1)]


async def test_without_runs_the_list_says_so(member: httpx.AsyncClient) -> None:
    page = (await member.get("/runs")).text
    assert "There are no runs yet." in page
    assert find(page, "table") == []


async def test_a_page_behind_the_last_one_leads_back(server: Server, member: httpx.AsyncClient) -> None:
    await server.create()
    page = (await member.get("/runs?page=7")).text
    assert find(page, "table") == []
    assert paging(page) == {}
    assert find(page, "a", href="/runs")


@pytest.mark.parametrize(
    ("number", "status"), [("0", 200), ("99999999", 200), ("-1", 400), ("x", 400), ("1&page=2", 400)]
)
async def test_the_number_of_a_page_is_moved_into_its_range_or_refused(
    member: httpx.AsyncClient, number: str, status: int
) -> None:
    assert (await member.get(f"/runs?page={number}")).status_code == status


# -- one run --------------------------------------------------------------------------------------------------------


def facts(page: str) -> dict[str, str]:
    names = [element.text for element in find(page, "dt")]
    return dict(zip(names, [element.text for element in find(page, "dd")], strict=True))


async def test_a_run_that_waits_in_the_queue_shows_its_place(server: Server, member: httpx.AsyncClient) -> None:
    for _ in range(2):
        run = await server.create(title="Mend <the> roof", args={"label": ["team=a"]})
        assert (await server.client.post(f"/api/v1/runs/{run['id']}/start")).status_code == 200
        server.clock.advance(timedelta(minutes=3))
    page = (await member.get(f"/runs/{run['id']}")).text
    assert find(page, "h1")[0].text == "Mend <the> roof"
    shown = facts(page)
    assert shown["Place in the queue"] == "2"
    assert shown["Created"].endswith("UTC 3 min ago")
    assert shown["Created by"] == "dev"
    assert shown["Labels"] == "team: a"
    assert shown["Run id"] == run["id"]
    assert "Ended" not in shown


async def test_a_run_that_failed_says_why(server: Server, member: httpx.AsyncClient) -> None:
    run = await server.finished()
    page = (await member.get(f"/runs/{run['id'].lower()}")).text
    texts = [element.text for element in find(page, "h2")]
    assert "Failed: cancelled" in texts
    assert run["lifecycle"]["error"]["message"] in page


async def test_a_retry_leads_to_the_run_it_repeats(server: Server, member: httpx.AsyncClient) -> None:
    first = await server.finished()
    again = (await server.client.post(f"/api/v1/runs/{first['id']}/retry")).json()
    (link,) = find((await member.get(f"/runs/{again['id']}")).text, "a", href=f"/runs/{first['id']}")
    assert link.text == first["id"]


@pytest.mark.parametrize("path", [f"/runs/{UNKNOWN}", "/runs/nonsense", "/runs/%00", f"/runs/{UNKNOWN}/files"])
async def test_what_is_not_there_is_a_page_with_404(member: httpx.AsyncClient, path: str) -> None:
    answer = await member.get(path)
    assert answer.status_code == 404
    assert answer.headers["x-request-id"] in answer.text
    assert find(answer.text, "a", href="/runs")


@pytest.mark.parametrize("status", STATUSES)
async def test_runs_in_every_state_have_a_page(server: Server, member: httpx.AsyncClient, status: str) -> None:
    seed = Seed(status=status, started=1_000, lasted=90_000, usd_micros=1_250_000)
    await put(server.store, seed)
    page = (await member.get(f"/runs/{seed.id}")).text
    assert status.capitalize() in page
    assert facts(page)["Cost"] == "$1.25"


# -- what holds for all of them ----------------------------------------------------------------------------------


async def pages_of(server: Server, client: httpx.AsyncClient) -> dict[str, str]:
    """A page of each kind."""
    run = await server.create()
    await put(server.store, *(Seed(entropy=number) for number in range(41)))
    paths = ["/login", "/login?error=x&return_to=/runs", "/runs", "/runs?page=2", "/account", "/nowhere"]
    paths.append(f"/runs/{run['id']}")
    return {path: (await client.get(path)).text for path in paths}


async def test_no_page_has_a_script_or_a_style_of_its_own(server: Server, member: httpx.AsyncClient) -> None:
    def forbidden(element: Element) -> bool:
        return element.tag in ("script", "style") or any(
            name == "style" or name.startswith("on") for name in element.attributes
        )

    for path, page in (await pages_of(server, member)).items():
        assert [element for element in elements_of(page) if forbidden(element)] == [], path
        assert "javascript:" not in page


async def test_every_page_has_a_language_a_title_and_one_heading_in_its_main_part(
    server: Server, member: httpx.AsyncClient
) -> None:
    pages = await pages_of(server, member)
    for path, page in pages.items():
        assert find(page, "html", lang="en"), path
        assert find(page, "meta", name="viewport"), path
        (title,), (heading,), (main,) = find(page, "title"), find(page, "h1"), find(page, "main")
        assert title.text == f"{heading.text} · Fabro"
        assert heading.text in main.text
        ids = [element.attributes["id"] for element in elements_of(page) if "id" in element.attributes]
        assert len(ids) == len(set(ids)), path


async def test_below_a_path_every_link_carries_it(tmp_path: Path) -> None:
    settings = in_memory(web={"url": "http://localhost:3000/fabro"})
    async with serving(settings, tmp_path) as server, browsing(server) as client:
        answer = await client.post("/auth/login/dev-token", data={"token": server.token})
        assert answer.headers["location"] == "/fabro/runs"
        cookie = {"Cookie": answer.headers["set-cookie"].split(";")[0]}
        redirect = await client.get("/runs?page=2", headers={"Cookie": ""})
        assert redirect.headers["location"] == "/fabro/login?return_to=/fabro/runs%3Fpage%3D2"
        client.headers.update(cookie)
        for path, page in (await pages_of(server, client)).items():
            places = [urlsplit(link) for link in links_of(page) if not link.startswith("#")]
            assert places, path
            assert {(place.netloc, place.path.split("/")[1]) for place in places} == {("", "fabro")}, path
