"""Pictures of graphs over HTTP (events.md E10, runs.md R8.7)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fabro_core.runs.pictures.direction import Direction
from tests.api.conftest import Server
from tests.api.test_read_models import UNKNOWN
from tests.api.test_validation import BROKEN, GOOD, workflow
from tests.runs.pictures.reading import titles_of_nodes

pytestmark = pytest.mark.anyio


async def test_a_picture_of_the_graph_leads_where_it_is_asked_to(server: Server) -> None:
    run_id = (await server.create())["id"]

    async def picture(query: str) -> httpx.Response:
        answer = await server.client.get(f"/api/v1/runs/{run_id}/graph{query}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
        return answer

    pictures = {query: (await picture(query)).text for query in ("", *(f"?direction={each}" for each in Direction))}
    assert pictures[""] == pictures["?direction=TB"]
    assert len(set(pictures.values())) == len(Direction)
    for text in pictures.values():
        assert titles_of_nodes(text) == ["start", "greet", "report", "exit"]


async def test_a_picture_is_refused_for_its_direction_and_then_for_its_run(server: Server) -> None:
    assert (await server.client.get(f"/api/v1/runs/{UNKNOWN}/graph?direction=lr")).status_code == 400
    assert (await server.client.get(f"/api/v1/runs/{UNKNOWN}/graph?direction=LR")).status_code == 404


async def test_a_picture_says_nothing_of_the_state_of_a_run(server: Server) -> None:
    run_id = (await server.create())["id"]
    before = (await server.client.get(f"/api/v1/runs/{run_id}/graph")).content
    assert (await server.client.post(f"/api/v1/runs/{run_id}/cancel")).status_code == 200
    assert (await server.client.get(f"/api/v1/runs/{run_id}/graph")).content == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"manifest": workflow(GOOD)}, 200),
        ({"manifest": workflow(GOOD), "format": "svg", "direction": "tb"}, 200),
        ({"manifest": workflow(GOOD), "direction": "lr"}, 200),
        ({"manifest": workflow(BROKEN["start_node"])}, 400),
        ({"manifest": workflow(GOOD), "format": "png"}, 400),
        ({"manifest": workflow(GOOD), "direction": "LR"}, 400),
        ({"manifest": workflow("start ->")}, 400),
        ({}, 400),
    ],
)
async def test_a_picture_is_drawn_of_what_a_run_can_be_created_from(
    server: Server, body: dict[str, Any], status: int
) -> None:
    answer = await server.client.post("/api/v1/graph/render", json=body)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.headers["content-type"] == "image/svg+xml"
        assert titles_of_nodes(answer.text) == ["start", "draft", "exit"]


async def test_the_direction_of_a_picture_is_the_one_that_is_asked_for_or_that_of_the_graph(server: Server) -> None:
    async def drawn(body: str, **direction: str) -> bytes:
        answer = await server.client.post("/api/v1/graph/render", json={"manifest": workflow(body), **direction})
        return answer.content

    assert await drawn(GOOD) == await drawn(GOOD, direction="tb")
    assert await drawn(f"rankdir=LR {GOOD}") == await drawn(GOOD, direction="lr") != await drawn(GOOD)
