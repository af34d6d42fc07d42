"""What is kept with a revision: ids, ETags, If-Match and bodies (resources.md X5, X16 rows 9 to 11)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import Server, serving
from tests.api.test_contract import check, check_error

pytestmark = [pytest.mark.anyio, pytest.mark.every_store]

STALE = "0" * 64


@dataclass(frozen=True)
class Kind:
    """One collection: what is put into it, and how its operations are called."""

    path: str
    noun: str
    definition: Mapping[str, Any]
    change: Mapping[str, Any]
    """Of the definition."""
    built_in: tuple[str, ...] = ()

    def at(self, id_: str) -> str:
        return f"{self.path}/{id_}"


ENVIRONMENTS = Kind(
    "/api/v1/environments",
    "Environment",
    {
        "provider": "docker",
        "image": {"docker": "python:3.12", "dockerfile": None},
        "resources": {"cpu": 4, "memory": "8GB", "disk": "20GB"},
        "network": {"mode": "cidr_allow_list", "allow": ["10.0.0.0/8"]},
        "lifecycle": {"preserve": False, "stop_on_terminal": True, "auto_stop": "60m"},
        "labels": {"team": "web"},
        "env": {"TZ": "UTC"},
    },
    {"env": {"TZ": "another"}},
    ("default",),
)
HTTP = {"type": "http", "url": "https://mcp.example.com/", "headers": {"X-Team": "web", "Authorization": "Bearer one"}}
MCP_SERVERS = Kind(
    "/api/v1/mcp-servers",
    "McpServer",
    {"display_name": "Tickets", "transport": HTTP, "startup_timeout_secs": 30, "tool_timeout_secs": 60},
    {"transport": {**HTTP, "headers": {"X-Team": "web", "Authorization": "another"}}},
)
NIGHT = {"id": "night", "type": "schedule", "enabled": True, "expression": "0 3 * * *"}
AUTOMATIONS = Kind(
    "/api/v1/automations",
    "Automation",
    {
        "name": "Nightly deploy",
        "target": {"repository": "acme/shop", "ref": "main", "workflow": "deploy"},
        "triggers": [NIGHT],
    },
    {"triggers": [{**NIGHT, "id": "another"}]},
)
KINDS = (ENVIRONMENTS, MCP_SERVERS, AUTOMATIONS)


@pytest.fixture(params=KINDS, ids=lambda each: each.noun)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


async def created(server: Server, kind: Kind, id_: str = "ci") -> dict[str, Any]:
    answer = await server.client.post(kind.path, json={"id": id_, **kind.definition})
    assert answer.status_code == 201, answer.text
    check(answer, f"create{kind.noun}")
    body: dict[str, Any] = answer.json()
    assert answer.headers["etag"] == f'"{body["revision"]}"'
    return body


async def put(server: Server, kind: Kind, revision: str | None, *, id_: str = "ci", **change: Any) -> httpx.Response:
    headers = {} if revision is None else {"If-Match": revision}
    return await server.client.put(kind.at(id_), json={**kind.definition, **change}, headers=headers)


async def test_one_is_created_shown_listed_replaced_and_deleted(server: Server, kind: Kind) -> None:
    first = await created(server, kind)
    assert re.fullmatch("[0-9a-f]{64}", first["revision"])
    shown = await server.client.get(kind.at("ci"))
    check(shown, f"retrieve{kind.noun}")
    assert (shown.json(), shown.headers["etag"]) == (first, f'"{first["revision"]}"')
    await created(server, kind, "a")
    listed = await server.client.get(kind.path)
    check(listed, f"list{kind.noun}s")
    assert [each["id"] for each in listed.json()["data"]] == sorted(["a", "ci", *kind.built_in])
    assert listed.json()["meta"] == {"total": len(listed.json()["data"])}
    replaced = await put(server, kind, first["revision"], **kind.change)
    check(replaced, f"replace{kind.noun}")
    second = replaced.json()
    assert second["revision"] != first["revision"]
    assert replaced.headers["etag"] == f'"{second["revision"]}"'
    assert (await server.client.get(kind.at("ci"))).json() == second
    gone = await server.client.delete(kind.at("ci"), headers={"If-Match": replaced.headers["etag"]})
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await server.client.get(kind.at("ci"))).status_code == 404


async def test_the_same_content_has_the_same_revision(server: Server, kind: Kind) -> None:
    first = await created(server, kind)
    same = await put(server, kind, first["revision"])
    assert (same.status_code, same.json()["revision"]) == (200, first["revision"])
    changed = await put(server, kind, first["revision"], **kind.change)
    back = await put(server, kind, changed.json()["revision"])
    assert back.json()["revision"] == first["revision"]
    assert (await created(server, kind, "a"))["revision"] != first["revision"], "the id belongs to it"


async def test_a_change_names_the_revision_that_it_is_for(server: Server, kind: Kind) -> None:
    first = await created(server, kind)
    for unnamed, status in ((None, 428), ("", 400), ("*", 400), ('W/"' + STALE + '"', 400), ('"' + STALE, 400)):
        check_error(await put(server, kind, unnamed), status)
        headers = {} if unnamed is None else {"If-Match": unnamed}
        check_error(await server.client.delete(kind.at("ci"), headers=headers), status)
    two = f'"{first["revision"]}", "{STALE}"'
    check_error(await put(server, kind, two), 400)
    check_error(await put(server, kind, STALE), 409)
    check_error(await server.client.delete(kind.at("ci"), headers={"If-Match": STALE}), 409)
    assert (await server.client.get(kind.at("ci"))).json() == first


async def test_replacing_never_creates(server: Server, kind: Kind) -> None:
    check_error(await put(server, kind, STALE), 404)
    check_error(await server.client.delete(kind.at("ci"), headers={"If-Match": STALE}), 404)
    check_error(await server.client.get(kind.at("ci")), 404)


async def test_creating_never_replaces(server: Server, kind: Kind) -> None:
    first = await created(server, kind)
    check_error(await server.client.post(kind.path, json={"id": "ci", **kind.definition, **kind.change}), 409)
    assert (await server.client.get(kind.at("ci"))).json() == first


@pytest.mark.parametrize("id_", ["", "A", "-a", "a_b", "a" * 64, "a\n", "ä"])
async def test_an_id_that_cannot_be_is_422_in_the_body(server: Server, kind: Kind, id_: str) -> None:
    check_error(await server.client.post(kind.path, json={"id": id_, **kind.definition}), 422)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_id_that_cannot_be_is_400_in_the_path_before_all_else(server: Server, kind: Kind, method: str) -> None:
    for id_ in ("A", "-a", "a_b", "a" * 64, "a%0A"):
        answer = await server.client.request(method, kind.at(id_), content=b"{" if method == "PUT" else b"")
        check_error(answer, 400)
        assert '"id"' in answer.json()["errors"][0]["detail"]


async def test_what_is_no_json_is_400_and_json_that_breaks_the_schema_422(server: Server, kind: Kind) -> None:
    whole = {"id": "ci", **kind.definition}
    broken: list[Any] = [{**whole, "odd": 1}, {**whole, "revision": STALE}, [], None]
    broken += [{name: value for name, value in whole.items() if name != left_out} for left_out in whole]
    for body in broken:
        check_error(await server.client.post(kind.path, content=json.dumps(body)), 422)
    for content in (b"", b"{", b"\xff", b"\xef\xbb\xbf{}"):
        check_error(await server.client.post(kind.path, content=content), 400)
        check_error(await server.client.put(kind.at("ci"), content=content), 400)
    check_error(await server.client.get(kind.at("ci")), 404)


async def test_a_body_is_judged_before_the_revision_and_that_before_what_there_is(server: Server, kind: Kind) -> None:
    check_error(await put(server, kind, None, odd=1), 422)
    check_error(await put(server, kind, None, id="ci"), 422)
    check_error(await put(server, kind, None), 428)
    check_error(await put(server, kind, "odd"), 400)
    check_error(await put(server, kind, STALE), 404)


@pytest.mark.slow
async def test_of_two_servers_that_replace_one_revision_one_is_refused(tmp_path: Path, kind: Kind) -> None:
    settings = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "sqlite"}}}
    async with serving(settings, tmp_path) as one, serving(settings, tmp_path) as other:
        revision = (await created(one, kind))["revision"]
        for attempt in range(10):
            bodies = [{**kind.definition, **kind.change, **_told_apart(kind, f"{attempt}-{each}")} for each in "ab"]
            headers = {"If-Match": revision}
            answers = await asyncio.gather(
                one.client.put(kind.at("ci"), json=bodies[0], headers=headers),
                other.client.put(kind.at("ci"), json=bodies[1], headers=headers),
            )
            assert sorted(each.status_code for each in answers) == [200, 409], [each.text for each in answers]
            (kept,) = [each.json() for each in answers if each.status_code == 200]
            revision = kept["revision"]
            assert (await other.client.get(kind.at("ci"))).json() == kept


def _told_apart(kind: Kind, text: str) -> dict[str, Any]:
    """A change that is like no other."""
    told = json.dumps(kind.change)
    assert "another" in told
    return dict(json.loads(told.replace("another", text)))
