"""What bodies may call themselves, and that the API document says it (runs.md R1.3, server.md S4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Server

pytestmark = pytest.mark.anyio

TOLERANT = {"createRun", "runPreflight", "validateRunManifest", "updateRun"}
PLAIN = {"Content-Type": "text/plain"}


@pytest.fixture
def store_kind() -> str:
    """Nothing here depends on the store."""
    return "memory"


async def operations_with_json(server: Server) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Method, path and description of the operations of people that take JSON, by id."""
    document = (await server.client.get("/api/v1/openapi.json")).json()
    return {
        described["operationId"]: (method, path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if "application/json" in described.get("requestBody", {}).get("content", {}) and path.startswith("/api/")
    }


async def test_four_operations_do_not_look_at_the_content_type_and_the_document_says_so(server: Server) -> None:
    operations = await operations_with_json(server)
    assert operations.keys() > TOLERANT
    for name, (_, _, described) in operations.items():
        assert ("*/*" in described["requestBody"]["content"]) is (name in TOLERANT), name
        assert ("415" in described["responses"]) is (name not in TOLERANT), name


async def test_every_operation_judges_content_types_as_the_document_says(server: Server) -> None:
    run_id = (await server.create())["id"]
    judged = 0
    for name, (method, path, described) in (await operations_with_json(server)).items():
        url = path.replace("{id}", run_id)
        answer = await server.client.request(method, url, content=b"no JSON", headers=PLAIN)
        if answer.status_code in (401, 403):  # of workers
            continue
        judged += 1
        assert (answer.status_code == 415) is ("415" in described["responses"]), name
    assert judged > len(TOLERANT)
