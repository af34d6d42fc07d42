"""Artifacts of runs (events.md E14, E23), on both stores: one file at a time, lists, downloads."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from fabro_core.api.runs.artifact_upload import MAX_FILE_BYTES
from fabro_core.store.records import DocQuery
from tests.api.conftest import Server

pytestmark = [pytest.mark.anyio, pytest.mark.every_store]

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
OCTETS = "application/octet-stream"


def place(run_id: str, stage_id: str = "draft@1") -> str:
    return f"/api/v1/runs/{run_id}/stages/{stage_id}/artifacts"


async def put(
    server: Server,
    run_id: str,
    path: str | None,
    content: bytes = b"notes",
    *,
    stage_id: str = "draft@1",
    retry: int = 0,
) -> httpx.Response:
    query = {"retry": str(retry)} if path is None else {"retry": str(retry), "filename": path}
    return await server.client.post(
        place(run_id, stage_id), params=query, content=content, headers={"content-type": OCTETS}
    )


async def get(server: Server, run_id: str, path: str, *, stage_id: str = "draft@1", retry: int = 0) -> httpx.Response:
    return await server.client.get(f"{place(run_id, stage_id)}/download", params={"retry": retry, "filename": path})


async def test_a_file_is_listed_with_its_stage_and_its_run_and_downloaded(server: Server) -> None:
    run_id = (await server.create())["id"]
    assert (await put(server, run_id, "out/notes.md", b"# Notes")).status_code == 204
    assert (await server.client.get(place(run_id))).json() == {
        "data": [{"filename": "out/notes.md", "retry": 0, "size": 7}]
    }
    assert (await server.client.get(f"/api/v1/runs/{run_id}/artifacts")).json() == {
        "data": [{"stage_id": "draft@1", "node_slug": "draft", "retry": 0, "relative_path": "out/notes.md", "size": 7}]
    }
    found = await get(server, run_id, "out/notes.md")
    assert (found.content, found.headers["content-type"]) == (b"# Notes", OCTETS)


async def test_the_same_path_again_replaces_and_another_retry_is_kept_beside(server: Server) -> None:
    run_id = (await server.create())["id"]
    await put(server, run_id, "a", b"first")
    await put(server, run_id, "a", b"replaced")
    await put(server, run_id, "a", b"retried", retry=1)
    listed = (await server.client.get(place(run_id))).json()["data"]
    assert [(each["filename"], each["retry"], each["size"]) for each in listed] == [("a", 0, 8), ("a", 1, 7)]
    assert (await get(server, run_id, "a")).content == b"replaced"
    assert (await get(server, run_id, "a", retry=1)).content == b"retried"


async def test_an_empty_file_is_a_file(server: Server) -> None:
    run_id = (await server.create())["id"]
    assert (await put(server, run_id, "empty", b"")).status_code == 204
    assert (await get(server, run_id, "empty")).content == b""


async def test_a_stage_nobody_has_heard_of_has_no_files(server: Server) -> None:
    run_id = (await server.create())["id"]
    assert (await server.client.get(place(run_id, "nowhere@7"))).json() == {"data": []}
    assert (await server.client.get(f"/api/v1/runs/{run_id}/artifacts")).json() == {"data": []}


ELSEWHERE = ("", "/etc/passwd", "a/", "a//b", ".", "..", "a/../b", "./a", "a\\b", "a\0b", "x" * 4097)
NOT_EVERYWHERE = ("x" * 1025, "C:/x", "a\nb", "a\x1b[31m", "a\u202eb", ".git/config", ".Git")


@pytest.mark.parametrize("path", [*ELSEWHERE, *NOT_EVERYWHERE])
async def test_a_path_that_leads_elsewhere_is_not_valid(server: Server, path: str) -> None:
    run_id = (await server.create())["id"]
    assert (await put(server, run_id, path)).status_code == 400
    assert (await get(server, run_id, path)).status_code == 400
    assert (await server.client.get(place(run_id))).json() == {"data": []}


async def test_a_file_is_not_kept_where_a_folder_is_nor_below_a_file(server: Server) -> None:
    run_id = (await server.create())["id"]
    assert [(await put(server, run_id, path)).status_code for path in ("a", "b/c")] == [204, 204]
    assert [(await put(server, run_id, path, retry=1)).status_code for path in ("a/b", "b")] == [400, 400]
    assert [each["filename"] for each in (await server.client.get(place(run_id))).json()["data"]] == ["a", "b/c"]


@pytest.mark.parametrize("query", [{}, {"retry": "0"}, {"filename": "a"}, {"filename": "a", "retry": "-1"}])
async def test_both_parameters_are_required(server: Server, query: dict[str, str]) -> None:
    run_id = (await server.create())["id"]
    written = await server.client.post(place(run_id), params=query, content=b"x", headers={"content-type": OCTETS})
    assert written.status_code == 400
    assert (await server.client.get(f"{place(run_id)}/download", params=query)).status_code == 400


async def test_what_no_attempt_left_is_not_found(server: Server) -> None:
    run_id = (await server.create())["id"]
    await put(server, run_id, "a")
    assert (await get(server, run_id, "b")).status_code == 404
    assert (await get(server, run_id, "a", retry=1)).status_code == 404
    assert (await get(server, run_id, "a", stage_id="draft@2")).status_code == 404


async def test_a_file_of_10_mib_is_accepted_and_one_byte_more_is_not(server: Server) -> None:
    run_id = (await server.create())["id"]
    assert (await put(server, run_id, "large", bytes(MAX_FILE_BYTES))).status_code == 204
    refused = await put(server, run_id, "larger", bytes(MAX_FILE_BYTES + 1))
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (413, "body_too_large")


async def test_a_file_of_unknown_length_is_refused_when_it_exceeds_the_limit(server: Server) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield bytes(1024 * 1024)

    run_id = (await server.create())["id"]
    answer = await server.client.post(
        place(run_id), params={"retry": 0, "filename": "a"}, content=chunks(), headers={"content-type": OCTETS}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", None])
async def test_another_media_type_is_refused(server: Server, content_type: str | None) -> None:
    run_id = (await server.create())["id"]
    headers = {} if content_type is None else {"content-type": content_type}
    answer = await server.client.post(
        place(run_id), params={"retry": 0, "filename": "a"}, content=b"x", headers=headers
    )
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (415, "unsupported_media_type")


async def test_an_archived_run_takes_none_and_shows_what_it_has(server: Server) -> None:
    run_id = (await server.finished())["id"]
    await put(server, run_id, "a")
    await server.client.post(f"/api/v1/runs/{run_id}/archive")
    refused = await put(server, run_id, "b")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "run_archived")
    assert len((await server.client.get(place(run_id))).json()["data"]) == 1


@pytest.mark.parametrize(("run_id", "stage_id", "status"), [(UNKNOWN, "draft@1", 404), (UNKNOWN, "draft", 400)])
async def test_without_a_run_there_are_no_artifacts(server: Server, run_id: str, stage_id: str, status: int) -> None:
    assert (await put(server, run_id, "a", stage_id=stage_id)).status_code == status
    assert (await get(server, run_id, "a", stage_id=stage_id)).status_code == status
    assert (await server.client.get(place(run_id, stage_id))).status_code == status


async def test_the_lists_and_the_archive_of_no_run_are_not_found(server: Server) -> None:
    assert (await server.client.get(f"/api/v1/runs/{UNKNOWN}/artifacts")).status_code == 404
    assert (await server.client.get(f"/api/v1/runs/{UNKNOWN}/artifacts/download")).status_code == 404


async def test_deleting_a_run_leaves_nothing_of_its_artifacts(server: Server) -> None:
    run_id, other = (await server.finished())["id"], (await server.create())["id"]
    for stage_id in ("draft@1", "draft@2", "review@1"):
        await put(server, run_id, "a", stage_id=stage_id)
    await put(server, other, "a")
    assert (await server.client.delete(f"/api/v1/runs/{run_id}")).status_code == 204
    assert (await get(server, run_id, "a")).status_code == 404
    left = await server.store.list_docs(DocQuery(collection="runs.artifacts", now_ms=0, limit=10))
    assert [doc.owner for doc in left.docs] == [other]
