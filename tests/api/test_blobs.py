"""Blobs of runs (events.md E13, E23), on both stores."""

from __future__ import annotations

import hashlib

import httpx
import pytest

from tests.api.conftest import Server

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
LIMIT = 2 * 1024 * 1024
BYTES = bytes(range(256))
DIGEST = hashlib.sha256(BYTES).hexdigest()


async def write(server: Server, run_id: str, body: bytes = BYTES, **headers: str) -> httpx.Response:
    return await server.client.post(f"/api/v1/runs/{run_id}/blobs", content=body, headers=headers)


async def read(server: Server, run_id: str, digest: str) -> httpx.Response:
    return await server.client.get(f"/api/v1/runs/{run_id}/blobs/{digest}")


async def test_what_was_written_is_read_back_through_any_run_and_any_letter_case(server: Server) -> None:
    writer, reader = (await server.create())["id"], (await server.create())["id"]
    answers = [await write(server, writer), await write(server, writer)]
    assert [(each.status_code, each.json()) for each in answers] == [(200, {"hash": DIGEST})] * 2
    found = await read(server, reader, DIGEST.upper())
    assert (found.status_code, found.content) == (200, BYTES)
    assert found.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("content_type", ["application/octet-stream", "application/json", "text/plain", "nonsense"])
async def test_the_content_type_does_not_matter(server: Server, content_type: str) -> None:
    run_id = (await server.create())["id"]
    answer = await write(server, run_id, b"not json", **{"content-type": content_type})
    assert answer.status_code == 200


async def test_nothing_is_a_blob_too(server: Server) -> None:
    run_id = (await server.create())["id"]
    digest = (await write(server, run_id, b"")).json()["hash"]
    assert (await read(server, run_id, digest)).content == b""


async def test_a_blob_as_large_as_a_body_may_be_is_accepted_and_one_byte_more_is_not(server: Server) -> None:
    run_id = (await server.create())["id"]
    assert (await write(server, run_id, bytes(LIMIT))).status_code == 200
    assert (await write(server, run_id, bytes(LIMIT + 1))).status_code == 413


async def test_an_archived_run_takes_none_and_shows_what_it_has(server: Server) -> None:
    run_id = (await server.finished())["id"]
    await write(server, run_id)
    await server.client.post(f"/api/v1/runs/{run_id}/archive")
    refused = await write(server, run_id, b"late")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "run_archived")
    assert (await read(server, run_id, DIGEST)).status_code == 200
    assert (await read(server, run_id, hashlib.sha256(b"late").hexdigest())).status_code == 404


@pytest.mark.parametrize("digest", ["abc", "g" * 64, DIGEST + "0", DIGEST[:-1] + "\N{KELVIN SIGN}"])
async def test_what_is_no_hash_is_not_valid(server: Server, digest: str) -> None:
    assert (await read(server, UNKNOWN, digest)).status_code == 400


async def test_without_a_run_there_are_no_blobs(server: Server) -> None:
    await write(server, (await server.create())["id"])
    assert (await read(server, UNKNOWN, DIGEST)).status_code == 404
    assert (await write(server, UNKNOWN)).status_code == 404
    assert (await write(server, "not-an-id")).status_code == 400
