"""The pull request of a run (events.md E16), on both stores."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.conftest import Server
from tests.api.contract import needs_contract
from tests.api.test_contract import check
from tests.runs.samples import SAMPLES

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
URL = "https://github.com/acme/shop/pull/77"
LINK = {"owner": "acme", "repo": "shop", "number": 77, "html_url": URL}
ON_GITHUB = {"git": {"origin_url": "git@github.com:acme/shop.git", "branch": "main", "dirty": "clean"}}
ELSEWHERE = {"git": {"origin_url": "https://gitlab.com/acme/shop.git", "branch": "main", "dirty": "clean"}}


def path(run_id: str, rest: str = "") -> str:
    return f"/api/v1/runs/{run_id}/pull_request{rest}"


async def link(server: Server, run_id: str, html_url: str = URL) -> httpx.Response:
    return await server.client.put(path(run_id), json={"html_url": html_url})


async def create(server: Server, run_id: str) -> httpx.Response:
    return await server.client.post(path(run_id), json={"force": False, "model": None})


async def append(server: Server, run_id: str, name: str, ts: str = "2026-03-02T10:20:00Z", **changes: Any) -> None:
    properties = {**SAMPLES[name], **changes}
    event = {"id": name, "ts": ts, "run_id": run_id, "event": name, "properties": properties}
    answer = await server.client.post(f"/api/v1/runs/{run_id}/events", json=event)
    assert answer.status_code == 200, answer.text


def told(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json()["errors"][0].get("code")


async def archived(server: Server) -> str:
    run_id: str = (await server.finished())["id"]
    assert (await server.client.post(f"/api/v1/runs/{run_id}/archive")).status_code == 200
    return run_id


# -- the link -------------------------------------------------------------------------------------------------------


async def test_a_link_is_shown_until_it_is_taken_away(server: Server) -> None:
    run_id = (await server.create())["id"]
    linked = await link(server, run_id)
    assert (linked.status_code, linked.json()) == (200, LINK)
    shown = await server.client.get(path(run_id))
    assert (shown.status_code, shown.json()) == (
        200,
        {
            "data": {"link": LINK, "details": None},
            "meta": {"details_status": "unavailable", "details_unavailable_reason": "integration_unavailable"},
        },
    )
    assert (await server.client.get(f"/api/v1/runs/{run_id}")).json()["pull_request"] == LINK
    unlinked = await server.client.delete(path(run_id))
    assert (unlinked.status_code, unlinked.json()) == (200, LINK)
    assert told(await server.client.get(path(run_id))) == (404, "no_stored_record")
    assert told(await server.client.delete(path(run_id))) == (404, "no_stored_record")
    assert (await server.log_of(run_id))[-2:] == ["pull_request.linked", "pull_request.unlinked"]
    for name in ("pull_request.linked", "pull_request.unlinked"):
        (event,) = await server.events_of(run_id, name)
        assert (event["properties"], event["actor"]["login"]) == ({"pull_request": LINK}, "dev")


async def test_the_same_link_again_is_no_event_and_another_takes_its_place(server: Server) -> None:
    run_id = (await server.create())["id"]
    for html_url in (URL, URL, "https://github.com/other/place/pull/1"):
        assert (await link(server, run_id, html_url)).status_code == 200
    assert len(await server.events_of(run_id, "pull_request.linked")) == 2
    assert (await server.client.get(path(run_id))).json()["data"]["link"]["owner"] == "other"


async def test_an_archived_run_is_linked_and_unlinked_all_the_same(server: Server) -> None:
    run_id = await archived(server)
    assert (await link(server, run_id)).status_code == 200
    assert (await server.client.get(path(run_id))).status_code == 200
    assert (await server.client.delete(path(run_id))).status_code == 200


@pytest.mark.parametrize("name", ["a", "a-b", "A.b_c", ".github", "a" * 100])
async def test_names_are_those_that_github_allows(server: Server, name: str) -> None:
    run_id = (await server.create())["id"]
    answer = await link(server, run_id, f"https://github.com/acme/{name}/pull/1")
    assert (answer.status_code, answer.json()["repo"]) == (200, name)


@pytest.mark.parametrize(
    "html_url",
    [
        "",
        "77",
        "github.com/acme/shop/pull/77",
        "//github.com/acme/shop/pull/77",
        "ftp://gitlab.com/acme/shop/pull/77",
        "http://[gitlab.com/acme/shop/pull/77",
        "http://github.com/acme/shop/pull/77",
        "https://github.com:443/acme/shop/pull/77",
        "https://me:secret@github.com/acme/shop/pull/77",
        "https://github.com/acme/shop/pull/77/files",
        "https://github.com/acme/shop/pull/77/",
        "https://github.com/acme/shop/pull/77?w=1",
        "https://github.com/acme/shop/pull/77#top",
        "https://github.com/acme/shop/pull/77\n",
        " https://github.com/acme/shop/pull/77",
        "https://github.com/acme/shop/pull/0",
        "https://github.com/acme/shop/pull/07",
        "https://github.com/acme/shop/pull/-7",
        "https://github.com/acme/shop/pull/\u0667",
        "https://github.com/acme/shop/pull/1" + "0" * 18,
        "https://github.com/acme/shop/issues/77",
        "https://github.com/acme/pull/77",
        "https://github.com/acme/../pull/77",
        "https://github.com/acme/a%2Fb/pull/77",
        "https://github.com/acme/" + "a" * 101 + "/pull/77",
    ],
)
async def test_another_form_of_address_is_not_valid(server: Server, html_url: str) -> None:
    assert told(await link(server, UNKNOWN, html_url)) == (400, "invalid_pull_request_url")


@pytest.mark.parametrize(
    "html_url",
    [
        "https://gitlab.com/acme/shop/-/merge_requests/7",
        "https://example.com",
        "https://github.com.example.com/acme/shop/pull/77",
        "https://www.github.com/acme/shop/pull/77",
    ],
)
async def test_another_host_is_not_supported(server: Server, html_url: str) -> None:
    assert told(await link(server, UNKNOWN, html_url)) == (400, "unsupported_pull_request_provider")


# -- making one -----------------------------------------------------------------------------------------------------


async def test_without_an_integration_no_pull_request_is_made(server: Server) -> None:
    run_id = (await server.create(**ON_GITHUB))["id"]
    answer = await create(server, run_id)
    assert told(answer) == (503, "integration_unavailable")
    assert "retry-after" not in answer.headers
    assert await server.log_of(run_id) == ["run.created", "run.submitted"]
    assert told(await server.client.get(path(run_id, "/creation"))) == (404, "no_pull_request_creation")


@pytest.mark.parametrize(
    ("manifest", "code"), [({}, "missing_repo_origin"), (ELSEWHERE, "unsupported_host")], ids=["none", "elsewhere"]
)
async def test_a_pull_request_needs_a_repository_on_github(server: Server, manifest: Any, code: str) -> None:
    run_id = (await server.create(**manifest))["id"]
    assert told(await create(server, run_id)) == (400, code)


async def test_a_second_pull_request_is_not_made_even_without_an_integration(server: Server) -> None:
    run_id = (await server.create(**ON_GITHUB))["id"]
    await link(server, run_id)
    assert told(await create(server, run_id)) == (409, "pull_request_exists")


async def test_what_is_being_made_is_answered_again_unchanged(server: Server) -> None:
    run_id = (await server.create(**ON_GITHUB))["id"]
    await append(server, run_id, "pull_request.creation_requested", creation_id="c-1", model="m", force=True)
    pending = {
        "id": "c-1",
        "status": "pending",
        "model": "m",
        "force": True,
        "requested_at": "2026-03-02T10:20:00Z",
        "updated_at": "2026-03-02T10:20:00Z",
    }
    answer = await create(server, run_id)
    assert (answer.status_code, answer.json()) == (202, pending)
    assert answer.headers["retry-after"] == "1"
    shown = await server.client.get(answer.headers["location"])
    assert (shown.status_code, shown.json()) == (200, pending)
    assert len(await server.events_of(run_id, "pull_request.creation_requested")) == 1


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (
            ("pull_request.created", {"owner": "acme", "repo": "shop", "pr_number": 77}),
            {"status": "succeeded", "pull_request": LINK},
        ),
        (
            ("pull_request.failed", {"creation_id": "c-1", "error": "No commits"}),
            {"status": "failed", "error": "No commits"},
        ),
        (("pull_request.failed", {"creation_id": "c-2", "error": "No commits"}), {"status": "pending"}),
    ],
)
async def test_the_making_ends_with_its_own_events(
    server: Server, event: tuple[str, dict[str, Any]], outcome: dict[str, Any]
) -> None:
    run_id = (await server.create(**ON_GITHUB))["id"]
    await append(server, run_id, "pull_request.creation_requested", creation_id="c-1")
    name, changes = event
    await append(server, run_id, name, "2026-03-02T10:21:00Z", **changes)
    creation = (await server.client.get(path(run_id, "/creation"))).json()
    assert {key: creation.get(key) for key in outcome} == outcome
    ended = outcome["status"] != "pending"
    assert creation["updated_at"] == ("2026-03-02T10:21:00Z" if ended else "2026-03-02T10:20:00Z")


async def test_a_link_by_hand_does_not_end_the_making(server: Server) -> None:
    run_id = (await server.create(**ON_GITHUB))["id"]
    await append(server, run_id, "pull_request.creation_requested")
    await link(server, run_id)
    assert (await create(server, run_id)).json()["status"] == "pending"


# -- merging and closing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
async def test_without_an_integration_nothing_is_merged_or_closed(server: Server, method: str) -> None:
    run_id = (await server.create())["id"]
    for linked in ((404, "no_stored_record"), (503, "integration_unavailable")):
        assert told(await server.client.post(path(run_id, "/merge"), json={"method": method})) == linked
        assert told(await server.client.post(path(run_id, "/close"))) == linked
        await link(server, run_id)
    assert (await server.client.get(path(run_id))).json()["data"]["link"] == LINK


# -- in the order of checks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("PUT", "", b""),
        ("PUT", "", b"{"),
        ("PUT", "", b"[]"),
        ("PUT", "", b"{}"),
        ("PUT", "", b'{"html_url": 7}'),
        ("POST", "", b""),
        ("POST", "", b"{}"),
        ("POST", "", b'{"force": 1}'),
        ("POST", "", b'{"force": false, "model": 1}'),
        ("POST", "/merge", b""),
        ("POST", "/merge", b"{}"),
        ("POST", "/merge", b'{"method": "Squash"}'),
    ],
)
async def test_a_body_that_is_not_valid_is_refused_before_the_run_is_looked_for(
    server: Server, method: str, rest: str, body: bytes
) -> None:
    assert (await server.client.request(method, path(UNKNOWN, rest), content=body)).status_code == 400


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("PUT", "", {"html_url": URL}),
        ("GET", "", None),
        ("DELETE", "", None),
        ("GET", "/creation", None),
        ("POST", "", {"force": True}),
        ("POST", "/merge", {"method": "squash"}),
        ("POST", "/close", None),
    ],
)
async def test_a_run_that_does_not_exist_has_nothing(server: Server, method: str, rest: str, body: Any) -> None:
    assert told(await server.client.request(method, path(UNKNOWN, rest), json=body)) == (404, None)
    assert (await server.client.request(method, path("nope", rest), json=body)).status_code == 400


@needs_contract
async def test_the_answers_are_those_of_the_contract(server: Server) -> None:
    run_id = (await server.create(**ON_GITHUB))["id"]
    client = server.client
    check(await create(server, run_id), "createRunPullRequest")
    await append(server, run_id, "pull_request.creation_requested", creation_id="c-1")
    check(await create(server, run_id), "createRunPullRequest")
    await append(server, run_id, "pull_request.created")
    check(await client.get(path(run_id, "/creation")), "getRunPullRequestCreation")
    check(await create(server, run_id), "createRunPullRequest")
    check(await link(server, run_id), "linkRunPullRequest")
    check(await client.get(path(run_id)), "getRunPullRequest")
    check(await client.post(path(run_id, "/merge"), json={"method": "squash"}), "mergeRunPullRequest")
    check(await client.post(path(run_id, "/close")), "closeRunPullRequest")
    check(await client.delete(path(run_id)), "unlinkRunPullRequest")
    check(await client.delete(path(run_id)), "unlinkRunPullRequest")
