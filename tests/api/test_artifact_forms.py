"""Uploads of several artifacts as a form (events.md E14), on both stores: all or nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import httpx
import pytest

from tests.api.conftest import Server

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
MIB = 1024 * 1024
BOUNDARY = "----fabro"

Parts = list[tuple[str, bytes]]


def form(*parts: tuple[str, bytes]) -> bytes:
    """The body of a form with these parts in this order."""
    pieces = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"; filename="f"\r\n\r\n%b\r\n'
        % (BOUNDARY.encode(), name.encode(), content)
        for name, content in parts
    ]
    return b"".join(pieces) + b"--%b--\r\n" % BOUNDARY.encode()


def manifest(*entries: dict[str, Any]) -> tuple[str, bytes]:
    return "manifest", json.dumps({"entries": entries}).encode()


def entry(part: str, path: str, **more: Any) -> dict[str, Any]:
    return {"part": part, "path": path, **more}


async def upload(server: Server, run_id: str, body: bytes, *, boundary: str = BOUNDARY) -> httpx.Response:
    return await server.client.post(
        f"/api/v1/runs/{run_id}/stages/draft@1/artifacts",
        params={"retry": 2},
        content=body,
        headers={"content-type": f"multipart/form-data; boundary={boundary}"},
    )


async def listed(server: Server, run_id: str) -> list[tuple[str, int, int]]:
    answer = await server.client.get(f"/api/v1/runs/{run_id}/stages/draft@1/artifacts")
    return [(each["filename"], each["retry"], each["size"]) for each in answer.json()["data"]]


async def test_every_file_of_a_form_is_kept(server: Server) -> None:
    run_id = (await server.create())["id"]
    digest = hashlib.sha256(b"two").hexdigest().upper()
    described = manifest(
        entry("f1", "b/two", sha256=digest, expected_bytes=3, content_type="text/html"),
        entry("f0", "a", sha256=None, expected_bytes=None, content_type=None),
    )
    answer = await upload(server, run_id, form(described, ("f0", b"\r\n--one\r\n"), ("f1", b"two")))
    assert (answer.status_code, answer.content) == (204, b"")
    assert await listed(server, run_id) == [("a", 2, 9), ("b/two", 2, 3)]
    query = {"filename": "a", "retry": "2"}
    found = await server.client.get(f"/api/v1/runs/{run_id}/stages/draft@1/artifacts/download", params=query)
    assert found.content == b"\r\n--one\r\n"


NOTES = ("f0", b"notes")
DESCRIBED = manifest(entry("f0", "a"))

INVALID: dict[str, Parts] = {
    "no part": [],
    "no manifest": [NOTES],
    "manifest not first": [NOTES, DESCRIBED],
    "manifest twice": [DESCRIBED, DESCRIBED, NOTES],
    "manifest not JSON": [("manifest", b"{"), NOTES],
    "manifest of another shape": [("manifest", b'{"entries": [{"part": "f0"}]}'), NOTES],
    "nothing listed": [manifest(), NOTES],
    "missing part": [manifest(entry("f0", "a"), entry("f1", "b")), NOTES],
    "unlisted part": [DESCRIBED, NOTES, ("f1", b"x")],
    "repeated part": [DESCRIBED, NOTES, NOTES],
    "part listed twice": [manifest(entry("f0", "a"), entry("f0", "b")), NOTES],
    "path listed twice": [manifest(entry("f0", "a"), entry("f1", "a")), NOTES, ("f1", b"x")],
    "path outside": [manifest(entry("f0", "../a")), NOTES],
    "file and folder": [manifest(entry("f0", "a"), entry("f1", "a/b")), NOTES, ("f1", b"x")],
    "other bytes": [manifest(entry("f0", "a", sha256="0" * 64)), NOTES],
    "not a checksum": [manifest(entry("f0", "a", sha256="")), NOTES],
    "other size": [manifest(entry("f0", "a", expected_bytes=4)), NOTES],
    "negative size": [manifest(entry("f0", "a", expected_bytes=-1)), NOTES],
    "good file before a bad one": [manifest(entry("f0", "a"), entry("f1", "/b")), NOTES, ("f1", b"x")],
}


@pytest.mark.parametrize("parts", INVALID.values(), ids=INVALID.keys())
async def test_a_form_that_is_not_as_its_manifest_says_is_refused_as_a_whole(server: Server, parts: Parts) -> None:
    run_id = (await server.create())["id"]
    assert (await upload(server, run_id, form(*parts))).status_code == 400
    assert await listed(server, run_id) == []
    digest = hashlib.sha256(NOTES[1]).hexdigest()
    assert await server.store.get_blob(digest) is None


@pytest.mark.parametrize("body", [b"", b"notes", form(DESCRIBED, NOTES)[:-4], b"--" + BOUNDARY.encode() + b"\r\n\r\n"])
async def test_a_form_that_is_cut_off_is_not_valid(server: Server, body: bytes) -> None:
    run_id = (await server.create())["id"]
    assert (await upload(server, run_id, body)).status_code == 400
    assert await listed(server, run_id) == []


async def test_a_form_without_a_boundary_is_not_valid(server: Server) -> None:
    run_id = (await server.create())["id"]
    assert (await upload(server, run_id, form(DESCRIBED, NOTES), boundary="")).status_code == 400


def files(count: int, size: int) -> Parts:
    described = manifest(*(entry(f"f{number}", f"file/{number}") for number in range(count)))
    return [described, *((f"f{number}", bytes(size)) for number in range(count))]


@pytest.mark.parametrize(
    "parts",
    [
        files(101, 1),
        [manifest(*(entry(f"f{number}", f"file/{number}") for number in range(101))), NOTES],
        [DESCRIBED, ("f0", bytes(10 * MIB + 1))],
        [("manifest", b" " * (256 * 1024 + 1)), NOTES],
        [*files(5, 10 * MIB), ("f5", b"x")],
        [NOTES, ("f1", bytes(10 * MIB + 1)), ("f1", b"wrong as well")],
        [DESCRIBED] * 200_000,
        [DESCRIBED, *[("", b"")] * 101],
    ],
    ids=["files", "files listed", "file", "manifest", "all files", "also wrong", "manifests", "parts without a name"],
)
async def test_too_large_a_form_is_refused_as_a_whole(server: Server, parts: Parts) -> None:
    run_id = (await server.create())["id"]
    refused = await upload(server, run_id, form(*parts))
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (413, "body_too_large")
    assert await listed(server, run_id) == []


LONG_HEADS = {"a name": b"x" * 5_000, "headers": b"".join(b'a"\r\nX-%d: "' % number for number in range(9))}


@pytest.mark.parametrize("name", LONG_HEADS.values(), ids=LONG_HEADS.keys())
async def test_a_part_with_a_long_head_is_too_large(server: Server, name: bytes) -> None:
    run_id = (await server.create())["id"]
    refused = await upload(server, run_id, form(DESCRIBED, NOTES).replace(b'name="f0"', b'name="%b"' % name))
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(("length", "status"), [(70, 204), (71, 400)])
async def test_a_boundary_has_at_most_seventy_characters(server: Server, length: int, status: int) -> None:
    run_id, boundary = (await server.create())["id"], "b" * length
    body = form(DESCRIBED, NOTES).replace(BOUNDARY.encode(), boundary.encode())
    assert (await upload(server, run_id, body, boundary=boundary)).status_code == status


async def test_a_form_of_100_files_or_of_50_mib_is_accepted(server: Server) -> None:
    run_id = (await server.create())["id"]
    assert (await upload(server, run_id, form(*files(100, 1)))).status_code == 204
    assert (await upload(server, run_id, form(*files(5, 10 * MIB)))).status_code == 204
    assert len(await listed(server, run_id)) == 100


async def test_a_form_for_no_run_or_an_archived_one_writes_nothing(server: Server) -> None:
    run_id = (await server.finished())["id"]
    await server.client.post(f"/api/v1/runs/{run_id}/archive")
    assert (await upload(server, run_id, form(DESCRIBED, NOTES))).status_code == 409
    assert (await upload(server, UNKNOWN, form(DESCRIBED, NOTES))).status_code == 404
    assert await server.store.get_blob(hashlib.sha256(NOTES[1]).hexdigest()) is None


async def test_uploads_at_the_same_time_are_all_kept(server: Server) -> None:
    run_id = (await server.create())["id"]
    uploads = [upload(server, run_id, form(manifest(entry("f0", f"{number:02}")), NOTES)) for number in range(40)]
    assert {answer.status_code for answer in await asyncio.gather(*uploads)} == {204}
    assert [path for path, _, _ in await listed(server, run_id)] == [f"{number:02}" for number in range(40)]
