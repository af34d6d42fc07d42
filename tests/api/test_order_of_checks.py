"""A request that breaks several rules gets the status of the first one (runs.md R1.3, server.md S3)."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.api.conftest import Server

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
TOO_LARGE = b"x" * (2 * 1024 * 1024 + 1)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARENT = json.dumps({"parent_id": UNKNOWN}).encode()


@pytest.fixture
def store_kind() -> str:
    """Nothing here depends on the store."""
    return "memory"


async def sent(
    client: httpx.AsyncClient, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> httpx.Response:
    return await client.request(method, f"/api/v1{path}", content=body, headers=headers or {})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/runs/nope", b""),
        ("GET", "/runs?page[limit]=-1", b""),
        ("GET", "/runs/resolve", b""),
        ("POST", "/runs", TOO_LARGE),
        ("POST", "/runs", b"{"),
        ("PATCH", "/runs/nope", TOO_LARGE),
        ("PUT", "/runs/nope/parent", b"\xff"),
        ("DELETE", "/runs/nope?force=1", b""),
        ("POST", "/runs/nope/cancel", b""),
        ("POST", "/runs/archive", b"[]"),
        ("POST", "/runs/delete", TOO_LARGE),
        ("GET", "/runs/nope/pair", b""),
        ("POST", "/runs/nope/pair/nope/messages", b"{"),
        ("POST", "/sessions/nope/turns", TOO_LARGE),
        ("POST", "/sessions/nope/turns/nope/interrupt", b""),
    ],
)
async def test_missing_credentials_come_before_everything_that_is_not_valid(
    server: Server, method: str, path: str, body: bytes
) -> None:
    answer = await sent(server.anonymous, method, path, body, FORM)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="fabro"'


async def test_an_unknown_route_and_a_wrong_method_come_before_missing_credentials(server: Server) -> None:
    assert (await sent(server.anonymous, "GET", "/nowhere")).status_code == 404
    assert (await sent(server.anonymous, "PUT", "/runs", TOO_LARGE)).status_code == 405


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/runs/nope"), ("PUT", "/runs/nope/parent"), ("POST", "/runs/archive")]
)
async def test_a_body_that_is_too_large_comes_before_a_path_that_is_not_valid(
    server: Server, method: str, path: str
) -> None:
    assert (await sent(server.client, method, path, TOO_LARGE, FORM)).status_code == 413


async def test_a_wrong_media_type_comes_before_a_path_and_a_body_that_are_not_valid(server: Server) -> None:
    assert (await sent(server.client, "PUT", "/runs/nope/parent", b"{", FORM)).status_code == 415
    assert (await sent(server.client, "POST", "/runs/archive", b"{", FORM)).status_code == 415


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", f"/runs/{UNKNOWN}", b"{"),
        ("PATCH", f"/runs/{UNKNOWN}", b'{"title":" "}'),
        ("PUT", f"/runs/{UNKNOWN}/parent", b'{"parent_id":"nope"}'),
        ("POST", "/runs", b'{"version":1,"parent_id":"' + UNKNOWN.encode() + b'"}'),
        ("POST", f"/runs/{UNKNOWN}/sessions", b'{"model":" "}'),
        ("POST", f"/sessions/{UNKNOWN}/turns", b'{"input":" "}'),
        ("POST", f"/runs/{UNKNOWN}/pair", b'{"stage_id":"draft"}'),
        ("POST", f"/runs/{UNKNOWN}/pair/{UNKNOWN}/messages", b'{"text":" "}'),
    ],
)
async def test_a_body_that_is_not_valid_comes_before_a_missing_run(
    server: Server, method: str, path: str, body: bytes
) -> None:
    assert (await sent(server.client, method, path, body)).status_code == 400


# -- media types (runs.md R1.4) ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/merge-patch+json",
        "application/vnd.fabro.v1+json ; q=1",
        None,
    ],
)
async def test_json_is_json_by_any_of_its_names_and_without_one(server: Server, media_type: str | None) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    assert (await sent(server.client, "PUT", f"/runs/{UNKNOWN}/parent", PARENT, headers)).status_code == 404


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json", "json", ""],
)
async def test_any_other_type_of_a_body_is_unsupported(server: Server, media_type: str) -> None:
    answer = await sent(server.client, "PUT", f"/runs/{UNKNOWN}/parent", PARENT, {"Content-Type": media_type})
    assert answer.status_code == 415
    assert answer.json()["errors"][0]["code"] == "unsupported_media_type"


@pytest.mark.parametrize(("method", "path"), [("POST", "/runs"), ("PATCH", f"/runs/{UNKNOWN}")])
async def test_two_operations_ignore_the_media_type(server: Server, method: str, path: str) -> None:
    answer = await sent(server.client, method, path, b"{", FORM)
    assert (answer.status_code, "code" in answer.json()["errors"][0]) == (400, False)


@pytest.mark.parametrize("verb", ["cancel", "archive", "unarchive"])
async def test_a_verb_without_a_body_takes_the_type_that_generated_clients_send(server: Server, verb: str) -> None:
    run = await server.finished()
    answer = await sent(server.client, "POST", f"/runs/{run['id']}/{verb}", b"", FORM)
    assert answer.status_code == (409 if verb == "cancel" else 200)
