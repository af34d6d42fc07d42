"""The ZIP file of a run's artifacts (events.md E14, E23), on both stores."""

from __future__ import annotations

import io
from datetime import timedelta
from zipfile import ZipFile

import httpx
import pytest

from tests.api.conftest import Server
from tests.runs.samples import SAMPLES

pytestmark = pytest.mark.anyio

OCTETS = {"content-type": "application/octet-stream"}


async def put(server: Server, run_id: str, stage_id: str, path: str, content: bytes, *, retry: int = 0) -> None:
    answer = await server.client.post(
        f"/api/v1/runs/{run_id}/stages/{stage_id}/artifacts",
        params={"retry": retry, "filename": path},
        content=content,
        headers=OCTETS,
    )
    assert answer.status_code == 204, answer.text


async def begin(server: Server, run_id: str, stage_id: str) -> None:
    event = {
        "id": stage_id,
        "ts": "2026-03-02T10:20:00Z",
        "run_id": run_id,
        "event": "stage.started",
        "node_id": stage_id.partition("@")[0],
        "stage_id": stage_id,
        "properties": SAMPLES["stage.started"],
    }
    assert (await server.client.post(f"/api/v1/runs/{run_id}/events", json=event)).status_code == 200


async def download(server: Server, run_id: str) -> httpx.Response:
    return await server.client.get(f"/api/v1/runs/{run_id}/artifacts/download")


def members(answer: httpx.Response) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


async def test_the_archive_has_the_newest_version_of_every_path(server: Server) -> None:
    run_id = (await server.create())["id"]
    await begin(server, run_id, "zeta@1")
    await begin(server, run_id, "alpha@1")
    await put(server, run_id, "zeta@1", "both", b"earlier stage", retry=9)
    await put(server, run_id, "alpha@1", "both", b"later stage, first try")
    await put(server, run_id, "alpha@1", "both", b"later stage, second try", retry=1)
    await put(server, run_id, "unheard-of@1", "both", b"of a stage without events", retry=10)
    await put(server, run_id, "unheard-of@1", "only/there", b"x")
    answer = await download(server, run_id)
    assert members(answer) == {"both": b"later stage, second try", "only/there": b"x"}


async def test_stages_without_events_are_told_apart_by_retry_and_then_by_name(server: Server) -> None:
    run_id = (await server.create())["id"]
    await put(server, run_id, "a@1", "retry", b"newest", retry=1)
    await put(server, run_id, "b@1", "retry", b"older")
    await put(server, run_id, "b@1", "name", b"newest")
    await put(server, run_id, "a@1", "name", b"older")
    assert members(await download(server, run_id)) == {"retry": b"newest", "name": b"newest"}


async def test_what_the_start_and_exit_nodes_left_is_not_in_the_archive(server: Server) -> None:
    run_id = (await server.create())["id"]
    for stage_id in ("start@1", "exit@1", "draft@1"):
        await put(server, run_id, stage_id, f"of {stage_id}", b"x")
    assert list(members(await download(server, run_id))) == ["of draft@1"]
    assert len((await server.client.get(f"/api/v1/runs/{run_id}/artifacts")).json()["data"]) == 3


async def test_an_archive_is_an_attachment_that_nobody_keeps(server: Server) -> None:
    run_id = (await server.create())["id"]
    answer = await download(server, run_id.lower())
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="fabro-artifacts-{run_id}.zip"'
    assert answer.headers["cache-control"] == "private, no-store"
    assert members(answer) == {}


async def test_head_says_what_get_says_and_sends_nothing(server: Server) -> None:
    run_id = (await server.create())["id"]
    answer = await server.client.head(f"/api/v1/runs/{run_id}/artifacts/download")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/zip"


async def test_the_same_files_make_the_same_archive_at_any_time(server: Server) -> None:
    run_id = (await server.create())["id"]
    await put(server, run_id, "draft@1", "notes \N{GREEK SMALL LETTER ALPHA}.md", bytes(100_000))
    first = await download(server, run_id)
    server.clock.advance(timedelta(days=2))
    assert (await download(server, run_id)).content == first.content
    assert len(first.content) < 1_000
