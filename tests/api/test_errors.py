"""Every failure is the one envelope, with the status and code of its kind (server.md S3, S5, S10)."""

from __future__ import annotations

import logging
import pkgutil
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Request, get
from litestar.exceptions import HTTPException

import fabro_core
from fabro_core.errors import Refusal
from fabro_core.http.failures import TITLES, status_of
from tests.api.conftest import Server, extension, in_memory, serving
from tests.api.security_headers import check_security_headers

pytestmark = pytest.mark.anyio

RUN = "/api/v1/runs/01KJQ0QEPA7V9X1B2C4D6F8G0H"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def store_kind() -> str:
    """Nothing here depends on the store."""
    return "memory"


def error(answer: httpx.Response) -> dict[str, str]:
    """The entry of an answer's envelope, which is checked."""
    body = answer.json()
    (entry,) = body["errors"]
    assert answer.headers["content-type"] == "application/json"
    assert set(body) == {"errors", "request_id"}
    assert set(entry) - {"code"} == {"status", "title", "detail", "request_id"}
    assert entry["status"] == str(answer.status_code)
    assert entry["title"] == TITLES[answer.status_code]
    assert entry["request_id"] == body["request_id"] == answer.headers["x-request-id"]
    assert UUID(body["request_id"]).version == 4
    found: dict[str, str] = entry
    return found


# -- routes and methods --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/nowhere", "/api/v1/nowhere", "/api/v2/runs", f"{RUN}/nowhere", "/api/v1/runs%2Fa/b", "/%00", "/%FF"]
)
async def test_an_unknown_route_says_so_and_differs_from_a_missing_run(server: Server, path: str) -> None:
    entry = error(await server.client.get(path))
    assert (entry["status"], entry["code"], entry["detail"]) == ("404", "route_not_found", "No such route.")
    missing = error(await server.client.get(RUN))
    assert (missing["status"], "code" in missing, missing["detail"]) == ("404", False, f"Run {RUN[-26:]} not found.")


@pytest.mark.parametrize("method", ["TRACE", "BREW", "PUT"])
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", {"GET"}),
        ("/health", {"GET"}),
        ("/login", {"GET"}),
        ("/api/v1/user", {"GET"}),
        ("/api/v1/runs", {"GET", "POST"}),
        ("/api/v1/runs/resolve", {"GET"}),
        ("/api/v1/runs/archive", {"POST"}),
        (RUN, {"GET", "PATCH", "DELETE"}),
        (f"{RUN}/cancel", {"POST"}),
    ],
)
async def test_a_wrong_method_names_the_right_ones_and_so_does_options(
    server: Server, method: str, path: str, allowed: set[str]
) -> None:
    expected = allowed | {"OPTIONS"} | ({"HEAD"} if "GET" in allowed else set())
    refused = await server.anonymous.request(method, path)
    assert error(refused)["code"] == "method_not_allowed"
    options = await server.anonymous.options(path)
    assert (refused.status_code, options.status_code, options.content) == (405, 204, b"")
    for answer in (refused, options):
        assert set(answer.headers["allow"].split(", ")) == expected


async def test_options_of_an_unknown_route_is_an_unknown_route(server: Server) -> None:
    assert error(await server.anonymous.options("/nowhere"))["code"] == "route_not_found"


@pytest.mark.parametrize(
    "path",
    ["/", "/health", "/health/ready", "/login", "/api/v1/health", "/api/v1/openapi.json", "/api/v1/auth/config",
     "/api/v1/user", "/api/v1/auth/me", "/api/v1/runs", "/api/v1/runs/resolve", "/api/v1/runs/nope", RUN, "/nowhere"],
)  # fmt: skip
async def test_head_is_get_without_a_body(server: Server, path: str) -> None:
    got, headed = await server.client.get(path), await server.client.head(path)
    assert (headed.status_code, headed.content) == (got.status_code, b"")
    assert int(headed.headers["content-length"]) == len(got.content) > 0
    assert set(headed.headers.items()) ^ set(got.headers.items()) == {
        ("x-request-id", answer.headers["x-request-id"]) for answer in (got, headed)
    }


@pytest.mark.parametrize("path", [f"{RUN}/cancel", "/api/v1/runs/archive"])
async def test_head_needs_a_route_with_get(server: Server, path: str) -> None:
    assert (await server.client.head(path)).status_code == 405


@pytest.mark.parametrize(
    "segment", ["%00", "%FF%FE", "%ED%A0%80", "..%2F..", "%0A", "%20", "a" * 4_000, "%F0%9F%9A%80" * 330]
)
async def test_a_segment_that_is_no_id_is_refused_whatever_it_holds(server: Server, segment: str) -> None:
    answer = await server.client.get(f"/api/v1/runs/{segment}")
    assert error(answer)["status"] in ("400", "404")
    assert len(answer.content) < 1_000


@pytest.mark.parametrize("segment", ["a" * 60_000, "%F0%9F%9A%80" * 5_000])
async def test_a_path_beyond_the_limit_is_refused_before_it_is_looked_at(server: Server, segment: str) -> None:
    answer = await server.client.get(f"/api/v1/runs/{segment}")
    assert (answer.status_code, error(answer)["code"]) == (414, "path_too_long")
    check_security_headers(answer)


# -- bodies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"parent_id":',
        b'{"parent_id":"a"} {}',
        b'{"parent_id":"a",}',
        b"{'parent_id':'a'}",
        b'{"parent_id":NaN}',
        b'\xef\xbb\xbf{"parent_id":"a"}',
        b'{"parent_id":"\xff"}',
        b'{"parent_id":"01KJQ0QEPA7V9X1B2C4D6F8G0H","ignored":"\xff"}',
        b'{"parent_id":"01KJQ0QEPA7V9X1B2C4D6F8G0H","\xc3(":1}',
        b'{"parent_id":"\\ud800"}',
        "{}".encode("utf-16"),
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"{}",
        b'{"parent_id":1}',
        b"[" * 20_000,
        b"[" * 20_000 + b"]" * 20_000,
        b'{"a":' * 20_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b'{"parent_id":"01KJQ0QEPA7V9X1B2C4D6F8G0H","ignored":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_a_body_that_is_not_json_of_the_right_shape_is_not_valid(server: Server, body: bytes) -> None:
    answer = await server.client.put(f"{RUN}/parent", content=body)
    assert (answer.status_code, "code" in error(answer)) == (400, False)


@pytest.mark.parametrize(
    "body",
    [
        b'{"workflows":{"a":1},',
        b'{"workflows":{"a":1},"workflows":[]}',
        b'{"workflows":{"a":1},"x":' + b"[" * 20_000,
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_a_manifest_with_a_second_fault_after_the_first_is_not_valid(server: Server, body: bytes) -> None:
    assert (await server.client.post("/api/v1/runs", content=body)).status_code == 400


async def test_a_type_that_is_wrong_is_named_with_its_place(server: Server) -> None:
    entry = error(await server.client.put(f"{RUN}/parent", json={"parent_id": 7}))
    assert "parent_id" in entry["detail"]


class Chunks:
    """A body of unknown length that remembers how much of it was taken."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._count):
            self.taken += 1
            yield b" " * 1024


async def test_a_body_over_the_limit_is_refused_by_its_length_without_reading(tmp_path: Path) -> None:
    async with serving(in_memory(limits={"max_body_bytes": 4096}), tmp_path) as server:
        body = Chunks(5)
        headers = {"Content-Length": str(5 * 1024)}
        answer = await server.client.post("/api/v1/runs", content=body, headers=headers)
        assert (answer.status_code, error(answer)["code"]) == (413, "body_too_large")
        assert body.taken == 0
        exactly = await server.client.post("/api/v1/runs", content=b" " * 4096)
        assert exactly.status_code == 400


async def test_a_chunked_body_is_refused_as_soon_as_it_exceeds_the_limit(tmp_path: Path) -> None:
    async with serving(in_memory(limits={"max_body_bytes": 4096}), tmp_path) as server:
        for method, path in [("POST", "/api/v1/runs"), ("PATCH", RUN), ("PUT", f"{RUN}/parent")]:
            body = Chunks(100)
            answer = await server.client.request(method, path, content=body)
            assert (answer.status_code, error(answer)["code"]) == (413, "body_too_large")
            assert body.taken <= 6


async def test_the_body_of_a_stranger_is_not_read(server: Server) -> None:
    body = Chunks(10_000)
    assert (await server.anonymous.post("/api/v1/runs", content=body)).status_code == 401
    assert body.taken == 0


async def test_a_length_that_is_no_number_is_not_valid(server: Server) -> None:
    answer = await server.client.patch(RUN, content=b"{}", headers={"Content-Length": "many"})
    assert answer.status_code == 400


# -- what nobody foresaw -------------------------------------------------------------------------------------------


@get("/ext/acme/explode", opt={"public": True})
async def explode() -> None:
    raise RuntimeError("password=hunter2 at /srv/fabro/secrets.py")


@get("/ext/acme/refuse/{status:int}", opt={"public": True})
async def refuse(request: Request[Any, Any, Any]) -> None:
    raise HTTPException("Not on a Sunday.", status_code=request.path_params["status"])


@pytest.fixture
async def exploding(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Server]:
    settings = in_memory(extensions={"enabled": ["acme"]})
    async with serving(settings, tmp_path, extension(explode, refuse)) as server:
        yield server


async def test_a_handler_that_raises_tells_the_log_and_not_the_client(
    exploding: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="fabro"):
        answer = await exploding.client.get("/ext/acme/explode")
    entry = error(answer)
    assert (entry["status"], entry["code"], entry["detail"]) == ("500", "server_error", "Internal server error.")
    assert not any(word in answer.text for word in ("hunter2", "RuntimeError", "Traceback", "/srv"))
    (cause,) = (record for record in caplog.records if record.name == "fabro.api")
    assert entry["request_id"] in cause.getMessage()
    assert cause.exc_info is not None
    assert isinstance(cause.exc_info[1], RuntimeError)
    (line,) = (record for record in caplog.records if record.name == "fabro.access")
    fields: dict[str, Any] = vars(line)["fabro"]
    assert (line.levelname, fields["status"], fields["request_id"]) == ("ERROR", 500, entry["request_id"])
    assert (await exploding.client.get("/api/v1/runs")).status_code == 200


@pytest.mark.parametrize("status", [403, 409, 410, 422, 429])
async def test_an_extension_chooses_the_status_of_its_refusal(exploding: Server, status: int) -> None:
    entry = error(await exploding.client.get(f"/ext/acme/refuse/{status}"))
    assert (entry["status"], entry["detail"]) == (str(status), "Not on a Sunday.")


@pytest.mark.parametrize("status", [418, 500, 599])
async def test_a_status_that_the_protocol_does_not_know_is_a_server_error(exploding: Server, status: int) -> None:
    assert error(await exploding.client.get(f"/ext/acme/refuse/{status}"))["status"] == "500"


# -- pages for people ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("POST", "/login", 405)])
async def test_a_browser_gets_the_same_error_as_a_page(server: Server, method: str, path: str, status: int) -> None:
    answer = await server.anonymous.request(method, path, headers=BROWSER)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-request-id"] in answer.text
    assert TITLES[status] in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nowhere", 404),
        ("GET", "/api/v1/runs", 401),
        ("GET", "/ext/acme/nowhere", 404),
        ("POST", "/health", 405),
    ],
)
async def test_what_programs_use_stays_json_for_a_browser(server: Server, method: str, path: str, status: int) -> None:
    answer = await server.anonymous.request(method, path, headers=BROWSER)
    assert (answer.status_code, error(answer)["status"]) == (status, str(status))


async def test_without_the_web_ui_there_are_no_pages(tmp_path: Path) -> None:
    async with serving(in_memory(web={"enabled": False}), tmp_path) as server:
        for path in ("/login", "/runs", "/nowhere"):
            assert error(await server.anonymous.get(path, headers=BROWSER))["code"] == "route_not_found"


# -- the tables ----------------------------------------------------------------------------------------------------


def refusals(base: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for kind in base.__subclasses__():
        yield kind
        yield from refusals(kind)


def test_every_kind_of_refusal_has_a_status() -> None:
    for module in pkgutil.walk_packages(fabro_core.__path__, "fabro_core."):
        import_module(module.name)
    statuses = {kind.__name__: status_of(kind.__new__(kind)) for kind in refusals() if _is_ours(kind)}
    assert {"InvalidRequest": 400, "NotFound": 404, "IllegalTransition": 409}.items() <= statuses.items()
    assert set(statuses.values()) <= set(TITLES)


def _is_ours(kind: type[Refusal]) -> bool:
    return kind.__module__.startswith("fabro_")


def test_titles_do_not_depend_on_the_python_version() -> None:
    assert (TITLES[413], TITLES[422]) == ("Payload Too Large", "Unprocessable Entity")
