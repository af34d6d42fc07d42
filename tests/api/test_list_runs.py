"""GET /runs (runs.md R7): every parameter, visibility, order and paging, on both stores."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.api.conftest import Server
from tests.api.seeding import Seed, put

pytestmark = [pytest.mark.anyio, pytest.mark.every_store]

EVERY_STATUS = [
    Seed(status=status, archived=archived, created=1000 * (2 * index + archived))
    for index, status in enumerate(
        ["submitted", "pending", "runnable", "starting", "running", "paused", "blocked", "succeeded", "failed", "dead",
         "removing"]
    )
    for archived in (False, True)
    if not archived or status in ("succeeded", "failed", "dead", "removing")
]  # fmt: skip


async def listed(server: Server, query: str) -> dict[str, Any]:
    answer = await server.client.get(f"/api/v1/runs?{query}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def shelf(run: dict[str, Any]) -> str:
    kind: str = run["lifecycle"]["status"]["kind"]
    return f"archived {kind}" if run["lifecycle"]["archived"] else kind


ACTIVE = {"submitted", "pending", "runnable", "starting", "running", "paused", "blocked"}
ENDED = {"succeeded", "failed", "dead"}
ARCHIVED = {"archived succeeded", "archived failed", "archived dead", "archived removing"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ACTIVE | ENDED),
        ("include_archived=false", ACTIVE | ENDED),
        ("include_archived=true", ACTIVE | ENDED | ARCHIVED),
        ("status=pending", {"submitted", "pending"}),
        ("status=runnable", {"runnable"}),
        ("status=initializing", {"starting"}),
        ("status=running", {"running", "paused"}),
        ("status=blocked", {"blocked"}),
        ("status=succeeded", {"succeeded"}),
        ("status=failed", {"failed", "dead"}),
        ("status=archived", ARCHIVED),
        ("status=removing", {"removing"}),
        ("status=succeeded&include_archived=true", {"succeeded"}),
        ("status=succeeded&status=archived", {"succeeded"} | ARCHIVED),
        ("status=failed&status=failed&status=blocked", {"failed", "dead", "blocked"}),
    ],
)
async def test_visibility_follows_status_and_include_archived(server: Server, query: str, expected: set[str]) -> None:
    await put(server.app.assembly.store, *EVERY_STATUS)
    body = await listed(server, f"{query}&page[limit]=100")
    assert {shelf(run) for run in body["data"]} == expected
    assert body["meta"] == {"has_more": False, "total": len(expected)}


@pytest.mark.parametrize(
    ("query", "rows", "has_more"),
    [
        ("", 20, True),
        ("page[limit]=0", 1, True),
        ("page[limit]=1", 1, True),
        ("page%5Blimit%5D=7", 7, True),
        ("page%5blimit%5d=7&page%5Boffset%5D=20", 5, False),
        ("page[limit]=100", 25, False),
        ("page[limit]=101", 25, False),
        ("page[limit]=1000", 25, False),
        ("page[limit]=4294967295", 25, False),
        ("page[limit]=5&page[offset]=20", 5, False),
        ("page[limit]=5&page[offset]=19", 5, True),
        ("page[offset]=25", 0, False),
        ("page[offset]=1000001", 0, False),
        ("page[offset]=4294967295", 0, False),
        ("unknown=1&unknown=2", 20, True),
    ],
)
async def test_a_page_holds_what_was_asked_for_and_the_total_counts_everything(
    server: Server, query: str, rows: int, has_more: bool
) -> None:
    await put(server.app.assembly.store, *(Seed(created=index) for index in range(25)))
    body = await listed(server, query)
    assert len(body["data"]) == rows
    assert body["meta"] == {"has_more": has_more, "total": 25}


INVALID = [
    "page[limit]=-1",
    "page[limit]=abc",
    "page[limit]=1.5",
    "page[limit]=",
    "page[limit]=4294967296",
    "page[limit]=1&page[limit]=1",
    "page[limit]=1&page%5Blimit%5D=1",
    "page[offset]=-1",
    "page[offset]=x",
    "page[offset]=1&page[offset]=2",
    "include_archived=1",
    "include_archived=TRUE",
    "include_archived=",
    "include_archived=true&include_archived=true",
    "parent_id=nope",
    "parent_id=01KJQ0QEPA7V9X1B2C4D6F8G0H&parent_id=01KJQ0QEPA7V9X1B2C4D6F8G0H",
    "status=bogus",
    "status=",
    "status=failed,archived",
    "status=Failed",
    "status=failed&status=bogus",
    "sort=bogus",
    "sort=",
    "sort=title&sort=title",
    "direction=DESC",
    "direction=",
    "direction=asc&direction=asc",
    "parent_id=%FF",
]


@pytest.mark.parametrize("query", INVALID)
async def test_a_parameter_that_is_not_valid_is_refused(server: Server, query: str) -> None:
    answer = await server.client.get(f"/api/v1/runs?{query}")
    assert answer.status_code == 400
    assert_envelope(answer)


@pytest.mark.parametrize("query", INVALID)
async def test_credentials_come_before_parameters(server: Server, query: str) -> None:
    assert (await server.anonymous.get(f"/api/v1/runs?{query}")).status_code == 401


def assert_envelope(answer: httpx.Response) -> None:
    body = answer.json()
    (entry,) = body["errors"]
    assert entry["status"] == str(answer.status_code)
    assert body["request_id"] == entry["request_id"] == answer.headers["x-request-id"]


async def test_the_parent_filter(server: Server) -> None:
    parent = Seed(created=0)
    await put(
        server.app.assembly.store,
        parent,
        Seed(created=1, parent_id=parent.id),
        Seed(created=2, parent_id=parent.id, status="succeeded", archived=True),
        Seed(created=3),
    )
    children = await listed(server, f"parent_id={parent.id.lower()}")
    assert [run["parent_id"] for run in children["data"]] == [parent.id]
    assert (await listed(server, f"parent_id={parent.id}&include_archived=true"))["meta"]["total"] == 2
    assert (await listed(server, "parent_id=01KJQ0QEPA7V9X1B2C4D6F8G0H"))["meta"] == {"has_more": False, "total": 0}
    assert (await listed(server, "parent_id="))["meta"]["total"] == 3


SORTED: dict[str, list[Seed]] = {
    "created_at": [Seed(created=index, title=f"{index}") for index in (0, 1, 5, 5000)],
    "updated_at": [Seed(created=9 - index, updated=index * 10, title=f"{index}") for index in (0, 1, 2, 3)],
    "status": [
        Seed(created=9 - index, status=status, title=f"{index}")
        for index, status in enumerate(["pending", "runnable", "starting", "paused", "blocked", "succeeded", "dead"])
    ],
    "elapsed": [
        Seed(created=4, status="succeeded", started=5, lasted=0, title="0"),
        Seed(created=3, status="failed", lasted=20, title="1"),
        Seed(created=2, status="running", started=1_000, title="2"),
        Seed(created=0, status="submitted", title="3"),
    ],
    "repo": [Seed(created=9 - i, repository=name, title=f"{i}") for i, name in enumerate(["A", "b", "C", "Ä"])],
    "title": [Seed(created=9 - index, title=title) for index, title in enumerate([" a ", "B", "c", "z", "É"])],
    "workflow": [
        Seed(created=5, workflow_name=None, graph_name=None, slug=None, title="0"),
        Seed(created=4, workflow_name=None, graph_name=None, slug="alpha", title="1"),
        Seed(created=3, workflow_name=None, graph_name="Beta", slug="zeta", title="2"),
        Seed(created=2, workflow_name="gamma", graph_name="Alpha", title="3"),
    ],
    "changes": [Seed(created=9 - index, changes=index * 7, title=f"{index}") for index in range(4)],
    "size": [
        Seed(created=9 - index, usd_micros=cost, title=f"{index}")
        for index, cost in enumerate([None, 20_000_001, 50_000_001, 100_000_001, 200_000_001])
    ],
}


@pytest.mark.parametrize("sort", SORTED)
async def test_each_sort_key_in_both_directions(server: Server, sort: str) -> None:
    seeds = SORTED[sort]
    await put(server.app.assembly.store, *seeds)
    ascending = [seed.id for seed in seeds]
    assert [run["id"] for run in (await listed(server, f"sort={sort}&direction=asc"))["data"]] == ascending
    assert [run["id"] for run in (await listed(server, f"sort={sort}&direction=desc"))["data"]] == ascending[::-1]
    assert [run["id"] for run in (await listed(server, f"sort={sort}"))["data"]] == ascending[::-1]


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("sort", SORTED)
async def test_ties_are_broken_by_id_descending_in_both_directions(server: Server, sort: str, direction: str) -> None:
    await put(server.app.assembly.store, *(Seed(entropy=entropy) for entropy in (3, 1, 2)))
    ids = [run["id"] for run in (await listed(server, f"sort={sort}&direction={direction}"))["data"]]
    assert ids == sorted(ids, reverse=True)


async def test_pages_follow_one_another_without_gap_or_repeat(server: Server) -> None:
    await put(
        server.app.assembly.store,
        *(Seed(created=index // 3, entropy=index, changes=index % 4) for index in range(30)),
    )
    pages = [await listed(server, f"sort=changes&page[limit]=7&page[offset]={offset}") for offset in range(0, 35, 7)]
    ids = [run["id"] for page in pages for run in page["data"]]
    assert len(ids) == len(set(ids)) == 30
    assert [page["meta"]["has_more"] for page in pages] == [True, True, True, True, False]
    whole = [run["id"] for run in (await listed(server, "sort=changes&page[limit]=100"))["data"]]
    assert ids == whole


async def test_queue_positions_count_runnable_runs_oldest_first(server: Server) -> None:
    await put(server.app.assembly.store, *(Seed(status="runnable", created=created) for created in (30, 10, 20)))
    await put(server.app.assembly.store, Seed(created=5), Seed(status="running", started=1, created=6))
    runs = (await listed(server, "direction=asc"))["data"]
    assert [run["lifecycle"]["queue_position"] for run in runs] == [None, None, 1, 2, 3]
    for earlier, later in pairwise(runs):
        assert earlier["timestamps"]["created_at"] < later["timestamps"]["created_at"]


async def test_the_wall_time_of_a_live_run_follows_the_clock(server: Server) -> None:
    await put(server.app.assembly.store, Seed(status="running", started=0))
    first = (await listed(server, ""))["data"][0]["timing"]["wall_time_ms"]
    server.clock.advance(timedelta(seconds=7))
    assert (await listed(server, ""))["data"][0]["timing"]["wall_time_ms"] == first + 7000
