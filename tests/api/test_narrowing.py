"""GET /runs, narrowed beyond what the contract has (runs.md R7.5)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fabro_core.testing.store.case import append_all, row, run_id
from tests.api.conftest import Server, serving

pytestmark = [pytest.mark.anyio, pytest.mark.every_store]

HELLO = "hello"
LABELS = {"team": "web", "tier": "a=b"}


async def found(server: Server, **params: Any) -> list[str]:
    answer = await server.client.get("/api/v1/runs", params={"direction": "asc", **params})
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert page["meta"] == {"has_more": False, "total": len(page["data"])}
    return [run["id"] for run in page["data"]]


@pytest.fixture
async def runs(server: Server) -> list[dict[str, Any]]:
    """Three runs, a minute apart."""
    git = {"origin_url": "https://github.com/Acme/Shop.git", "branch": "main", "sha": "9f1c2d3", "dirty": "clean"}
    first = await server.create(title="Ship the Straße", git=git, args={"label": ["team=web", "tier=a=b"]})
    server.clock.advance(timedelta(minutes=1))
    second = await server.create(title="Ship nothing", args={"label": ["team=ops"]})
    server.clock.advance(timedelta(minutes=1))
    third = await server.create(title="100% done", parent_id=first["id"])
    return [first, second, third]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"workflow": "HELLO"}, [0, 1, 2]),
        ({"workflow": "hell"}, []),
        ({"repo": "acme/SHOP"}, [0]),
        ({"created_by": "DEV"}, [0, 1, 2]),
        ({"created_by": "me"}, [0, 1, 2]),
        ({"created_by": "somebody"}, []),
        ({"label": "team"}, [0, 1]),
        ({"label": "team=web"}, [0]),
        ({"label": "team=WEB"}, []),
        ({"label": "tier=a=b"}, [0]),
        ({"label": ["team", "tier"]}, [0]),
        ({"label": ["team=web", "team=ops"]}, []),
        ({"q": "ship"}, [0, 1]),
        ({"q": "STRASSE ship"}, [0]),
        ({"q": "100%"}, [2]),
        ({"q": "hip"}, [0, 1]),
        ({"q": "  "}, [0, 1, 2]),
        ({"automation_id": "nightly"}, []),
        ({"workflow": "", "repo": "", "created_by": "", "label": "", "q": "", "created_from": ""}, [0, 1, 2]),
        ({"label": "team", "q": "nothing", "workflow": "hello"}, [1]),
    ],
    ids=str,
)
@pytest.mark.parametrize("sort", ["created_at", "title"])
async def test_a_list_is_narrowed(
    server: Server, runs: list[dict[str, Any]], params: dict[str, Any], expected: list[int], sort: str
) -> None:
    wanted = [runs[number]["id"] for number in expected]
    listed = await found(server, sort=sort, **params)
    assert (listed if sort == "created_at" else sorted(listed)) == wanted


async def test_children_are_narrowed_like_all_runs(server: Server, runs: list[dict[str, Any]]) -> None:
    assert await found(server, parent_id=runs[0]["id"], q="done") == [runs[2]["id"]]
    assert await found(server, parent_id=runs[0]["id"], q="ship") == []


async def test_a_range_of_creation_is_from_inclusive_and_to_exclusive(
    server: Server, runs: list[dict[str, Any]]
) -> None:
    at = [run["timestamps"]["created_at"] for run in runs]
    ids = [run["id"] for run in runs]
    assert await found(server, created_from=at[1]) == ids[1:]
    assert await found(server, created_to=at[1]) == ids[:1]
    assert await found(server, created_from=at[0], created_to=at[2]) == ids[:2]
    later = at[1].removesuffix("Z").split(".")[0] + ".250001Z"
    assert await found(server, created_from=later) == ids[2:], "a run is not in a range that began after it"
    assert await found(server, created_from="0001-01-02T00:00:00+23:59", created_to="9999-12-31T23:59:59Z") == ids


@pytest.mark.parametrize(
    "params",
    [
        {"label": "=web"},
        {"created_from": "yesterday"},
        {"created_to": "2026-03-02"},
        {"created_to": "0001-01-01T00:00:00+14:00"},
        {"q": "a b c d e f g h i"},
        {"q": "x" * 201},
        {"label": ["a"] * 17},
    ],
    ids=str,
)
async def test_what_cannot_be_asked_is_refused(server: Server, params: dict[str, Any]) -> None:
    answer = await server.client.get("/api/v1/runs", params=params)
    assert answer.status_code == 400
    assert next(iter(params)) in answer.json()["errors"][0]["detail"]


async def test_a_search_that_is_too_broad_is_refused_and_one_facet_is_not(store_kind: str, tmp_path: Path) -> None:
    limits = {"limits": {"search_rows": 1_000}}
    settings = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": store_kind}, **limits}}
    async with serving(settings, tmp_path / "home") as server:
        await server.create()
        await append_all(server.store, [row(run_id(n), facets=("workflow:hello",)) for n in range(1_000)])
        answer = await server.client.get("/api/v1/runs?q=hello")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "too_broad")
        answer = await server.client.get("/api/v1/runs?workflow=hello&sort=title")
        assert answer.json()["meta"] == {"has_more": True, "total": 1_001}, "one facet is no search"
