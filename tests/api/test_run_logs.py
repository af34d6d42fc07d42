"""Logs of runs and outputs of stages (events.md E12), on both stores."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from tests.api.conftest import Server
from tests.runs.samples import SAMPLES

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"


async def post(server: Server, run_id: str, name: str, *, stage_id: str | None = "draft@1", **changes: Any) -> None:
    event = {
        "id": name,
        "ts": "2026-03-02T10:20:00Z",
        "run_id": run_id,
        "event": name,
        "node_id": "draft",
        "stage_id": stage_id,
        "properties": {**SAMPLES[name], **changes},
    }
    answer = await server.client.post(f"/api/v1/runs/{run_id}/events", json=event)
    assert answer.status_code == 200, answer.text


async def working(server: Server, *names: str) -> str:
    """A run whose stage draft@1 has begun, and then what is named."""
    run_id: str = (await server.create())["id"]
    for name in ("stage.started", *names):
        await post(server, run_id, name)
    return run_id


async def output(server: Server, run_id: str, stage_id: str = "draft@1", **query: Any) -> httpx.Response:
    return await server.client.get(f"/api/v1/runs/{run_id}/stages/{stage_id}/logs/output", params=query)


def text(answer: httpx.Response) -> str:
    return base64.b64decode(answer.json()["bytes_base64"]).decode()


async def test_the_output_of_a_command_that_has_ended(server: Server) -> None:
    run_id = await working(server, "command.started")
    await post(server, run_id, "command.completed", output="hello\n", live_streaming=True)
    assert (await output(server, run_id)).json() == {
        "offset": 0,
        "next_offset": 6,
        "total_bytes": 6,
        "bytes_base64": "aGVsbG8K",
        "eof": True,
        "cas_ref": None,
        "live_streaming": True,
    }


async def test_an_output_that_is_in_a_blob(server: Server) -> None:
    run_id = await working(server)
    written = await server.client.post(f"/api/v1/runs/{run_id}/blobs", content=b"much output")
    reference = f"blob://sha256/{written.json()['hash']}"
    await post(server, run_id, "command.completed", output=reference)
    answer = await output(server, run_id)
    assert (text(answer), answer.json()["cas_ref"]) == ("much output", reference)


async def test_an_output_whose_blob_is_not_stored_is_not_found(server: Server) -> None:
    run_id = await working(server)
    await post(server, run_id, "command.completed", output=f"blob://sha256/{'0' * 64}")
    assert (await output(server, run_id)).status_code == 404


async def test_what_only_looks_like_a_reference_is_output(server: Server) -> None:
    run_id = await working(server)
    await post(server, run_id, "command.completed", output="blob://sha256/short")
    assert text(await output(server, run_id)) == "blob://sha256/short"


@pytest.mark.parametrize(
    ("query", "found", "offsets"),
    [
        ({"limit": 3}, "äb", (0, 3)),
        ({"offset": 2, "limit": 1}, "b", (2, 3)),
        ({"offset": 3}, "cd", (3, 5)),
        ({"offset": 5}, "", (5, 5)),
        ({"offset": 99, "limit": 4294967295}, "", (5, 5)),
    ],
)
async def test_offsets_count_bytes(server: Server, query: dict[str, Any], found: str, offsets: tuple[int, int]) -> None:
    run_id = await working(server)
    await post(server, run_id, "command.completed", output="äbcd")
    answer = await output(server, run_id, **query)
    assert (text(answer), (answer.json()["offset"], answer.json()["next_offset"])) == (found, offsets)
    assert answer.json()["total_bytes"] == 5


async def test_a_piece_is_at_most_a_mebibyte_and_by_default_64_kib(server: Server) -> None:
    run_id = await working(server)
    await post(server, run_id, "command.completed", output="x" * 1_500_000)
    assert (await output(server, run_id)).json()["next_offset"] == 65_536
    assert (await output(server, run_id, limit=2_000_000)).json()["next_offset"] == 1_048_576


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": "x"}, {"offset": -1}, {"limit": ""}])
async def test_sizes_are_whole_numbers_and_a_limit_is_not_zero(server: Server, query: dict[str, Any]) -> None:
    assert (await output(server, UNKNOWN, **query)).status_code == 400


@pytest.mark.parametrize("name", ["agent.acp.completed", "agent.acp.timed_out"])
async def test_an_agent_that_is_a_command_has_output_too(server: Server, name: str) -> None:
    run_id = await working(server)
    await post(server, run_id, name, stdout="said")
    answer = await output(server, run_id)
    assert (text(answer), answer.json()["eof"]) == ("said", True)


@pytest.mark.parametrize("begun", ["stage.started", "command.started", "agent.acp.started"])
async def test_what_begins_anew_has_no_output_yet(server: Server, begun: str) -> None:
    run_id = await working(server)
    await post(server, run_id, "command.completed", output="first try")
    await post(server, run_id, begun)
    answer = await output(server, run_id)
    assert (text(answer), answer.json()["eof"], answer.json()["live_streaming"]) == ("", False, False)


async def test_the_output_of_a_visit_is_found_when_its_event_names_the_node_alone(server: Server) -> None:
    run_id = await working(server)
    await post(server, run_id, "stage.started", stage_id="draft@2")
    await post(server, run_id, "command.completed", stage_id=None, output="of the second visit")
    assert text(await output(server, run_id, "draft@2")) == "of the second visit"
    assert text(await output(server, run_id, "draft@1")) == ""


async def test_a_stage_that_ended_without_a_command_has_no_more_output(server: Server) -> None:
    run_id = await working(server, "stage.completed")
    answer = await output(server, run_id)
    assert (text(answer), answer.json()["eof"]) == ("", True)


async def test_without_a_run_or_a_stage_there_is_no_output(server: Server) -> None:
    run_id = await working(server)
    assert (await output(server, run_id, "draft@2")).status_code == 404
    assert (await output(server, UNKNOWN)).status_code == 404
    assert (await output(server, run_id, "draft")).status_code == 400


async def test_nobody_has_kept_a_log_of_a_run(server: Server) -> None:
    run_id = (await server.create())["id"]
    for each, status in ((run_id, 404), (UNKNOWN, 404), ("not-an-id", 400)):
        assert (await server.client.get(f"/api/v1/runs/{each}/logs")).status_code == status
