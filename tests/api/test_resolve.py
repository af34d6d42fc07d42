"""GET /runs/resolve (runs.md R12), on both stores."""

from __future__ import annotations

import httpx
import pytest

from tests.api.conftest import Server
from tests.api.seeding import Seed, put

pytestmark = pytest.mark.anyio


async def resolved(server: Server, selector: str) -> httpx.Response:
    return await server.client.get("/api/v1/runs/resolve", params={"selector": selector})


async def id_of(server: Server, selector: str) -> str:
    answer = await resolved(server, selector)
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["id"]
    return found


async def test_the_start_of_one_id_in_any_letter_case_finds_the_run(server: Server) -> None:
    seed = Seed(entropy=1)
    await put(server.store, seed, Seed(created=3_600_000))
    for selector in (seed.id, seed.id.lower(), seed.id[:8], f"  {seed.id[:8].lower()}\n"):
        assert await id_of(server, selector) == seed.id
    assert (await resolved(server, seed.id)).json() == (await server.client.get(f"/api/v1/runs/{seed.id}")).json()


async def test_the_start_of_several_ids_is_ambiguous(server: Server) -> None:
    await put(server.store, Seed(entropy=1), Seed(entropy=2))
    assert (await resolved(server, Seed(entropy=1).id[:-1])).status_code == 400
    assert await id_of(server, Seed(entropy=1).id) == Seed(entropy=1).id


async def test_ids_go_before_workflows(server: Server) -> None:
    by_id = Seed(created=0, slug="other")
    await put(server.store, by_id, Seed(created=1, slug=by_id.id, workflow_name=by_id.id))
    assert await id_of(server, by_id.id.lower()) == by_id.id


WORKFLOWS = {
    "slug": Seed(created=1, entropy=1, slug="nightly-build", workflow_name=None),
    "name": Seed(created=2, entropy=2, slug=None, workflow_name="Deploy to Production"),
    "dashes": Seed(created=3, entropy=3, slug="data_import", workflow_name="Import-the_Data"),
    "umlaut": Seed(created=4, entropy=4, slug="übersicht", workflow_name="Ärger"),
}


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("nightly-build", "slug"),
        ("NIGHTLY-Build", "slug"),
        ("nightlybuild", "slug"),
        ("night_ly_build", "slug"),
        (" nightly-build ", "slug"),
        ("deploy to", "name"),
        ("PRODUCTION", "name"),
        ("Deploy-to-Production", None),  # separators are dropped, a blank is none
        ("data-import", "dashes"),
        ("importthedata", "dashes"),
        ("the-data", "dashes"),
        ("ÜBERSICHT", "umlaut"),
        ("ärg", "umlaut"),
        ("nightly", None),  # a slug is matched whole
        ("build", None),
        ("%", None),
        ("*", None),
    ],
)
async def test_a_workflow_is_named_by_its_whole_slug_or_a_part_of_its_name(
    server: Server, selector: str, found: str | None
) -> None:
    await put(server.store, *WORKFLOWS.values())
    answer = await resolved(server, selector)
    assert answer.status_code == (404 if found is None else 200)
    if found is not None:
        assert answer.json()["id"] == WORKFLOWS[found].id


async def test_of_several_runs_of_a_workflow_the_newest_is_meant(server: Server) -> None:
    await put(
        server.store,
        Seed(created=5, slug="deploy", workflow_name="Deploy", status="failed"),
        Seed(created=9, slug="other", workflow_name="Re-deploy", status="succeeded"),
        Seed(created=7, slug="deploy", workflow_name="Deploy"),
    )
    assert await id_of(server, "deploy") == Seed(created=9).id


@pytest.mark.parametrize("seed", [Seed(status="failed", archived=True), Seed(status="removing")])
async def test_archived_and_removing_runs_count(server: Server, seed: Seed) -> None:
    await put(server.store, seed)
    assert await id_of(server, "deploy") == seed.id
    assert await id_of(server, seed.id[:20]) == seed.id


async def test_a_deleted_run_is_found_no_more(server: Server) -> None:
    older, newer = Seed(created=1), Seed(created=2)
    await put(server.store, older, newer)
    await server.client.delete(f"/api/v1/runs/{newer.id}?force=true")
    assert await id_of(server, "deploy") == older.id
    assert (await resolved(server, newer.id)).status_code == 404


@pytest.mark.parametrize("query", ["", "?selector=", "?selector=%20%09", "?selector=a&selector=b", "?selector=%FF"])
async def test_exactly_one_selector_that_is_not_blank_is_required(server: Server, query: str) -> None:
    assert (await server.client.get(f"/api/v1/runs/resolve{query}")).status_code == 400
