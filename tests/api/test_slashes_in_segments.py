"""Ids with slashes and other odd characters in a path, as generated clients encode them (runs.md R3)."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.http.segments import decoded, has_slash_in_segment, routable
from tests.api.conftest import Server
from tests.api.test_questions import asking
from tests.api.working import at_work

pytestmark = pytest.mark.anyio

SEGMENTS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=4)


@given(SEGMENTS)
def test_every_segment_comes_out_as_it_went_in(segments: list[str]) -> None:
    raw_path = "/".join(["", *(quote(segment, safe="") for segment in segments)]).encode("ascii")
    path = routable(raw_path)
    assert path.count("/") == len(segments)
    assert list(decoded(dict(enumerate(path.split("/")[1:]))).values()) == segments  # type: ignore[arg-type]
    assert has_slash_in_segment(raw_path) == any("/" in segment for segment in segments)


@pytest.mark.parametrize("question_id", ["q 1/2", "/", "a/b/c", "%2F", "q%2F1/2", "%", "ä/%", "a?b/#c"])
async def test_a_question_is_answered_whatever_its_id(server: Server, question_id: str) -> None:
    run_id = await asking(server, {"question_id": question_id, "question_type": "yes_no", "options": []})
    path = f"/api/v1/runs/{run_id}/questions/{quote(question_id, safe='')}/answer"
    answered = await server.client.post(path, json={"kind": "yes"})
    assert answered.status_code == 204, answered.text
    assert (await server.client.get(f"/api/v1/runs/{run_id}/questions")).json()["data"] == []


async def test_a_stage_is_read_whatever_its_node(server: Server) -> None:
    worker = await at_work(server)
    await worker.says("stage.started", {"index": 0}, stage_id="a/b%2F@1", node_id="a/b%2F", node_label="A")
    page = await worker.reads(f"stages/{quote('a/b%2F@1', safe='')}/events")
    assert [event["event"] for event in page["data"]] == ["stage.started"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/runs/x%2Fy", 400),
        ("/api%2Fv1/runs", 404),
        ("/api/v1%2Fruns", 404),
        ("/api/v1/variables/a%2Fb", 400),
        ("/api/v1/%76ariables/a%2Fb", 400),
    ],
)
async def test_an_encoded_slash_parts_no_segments(server: Server, path: str, status: int) -> None:
    assert (await server.client.get(path)).status_code == status
