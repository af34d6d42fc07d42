"""Who gets past the guard of every operation in the API document (runs.md R2), by the table of the rules."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from fabro_core.api.services import SERVICES
from fabro_core.auth.caller import Worker
from tests.api.conftest import Server
from tests.api.contract import contract, needs_contract
from tests.api.guard_table import GUARDS, MANAGEMENT, PUBLIC, SAME_RUN, TARGET, USER, Row

pytestmark = pytest.mark.anyio

OWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
"""A run that does not exist: who is admitted is told so, or that the request is not valid."""
OTHER = "01KJQ0QEPA7V9X1B2C4D6F8G0J"
METHODS = ("get", "put", "post", "patch", "delete")

Answered = tuple[str, str | None]
"""`admitted`, or a status with its code."""

ADMITTED: Answered = ("admitted", None)
UNAUTHENTICATED: Answered = ("401", None)
DENIED: Answered = ("403", "access_denied")

Callers = dict[str, Answered]

EXPECTED: dict[Row, Callers] = {
    PUBLIC: dict.fromkeys(("own", "own in lower case", "own managing", "other", "other managing"), ADMITTED),
    USER: dict.fromkeys(("own", "own in lower case", "own managing", "other", "other managing"), UNAUTHENTICATED),
    MANAGEMENT: {
        "own": DENIED,
        "own in lower case": DENIED,
        "own managing": ADMITTED,
        "other": DENIED,
        "other managing": ADMITTED,
    },
    TARGET: {
        "own": ADMITTED,
        "own in lower case": ADMITTED,
        "own managing": ADMITTED,
        "other": DENIED,
        "other managing": ADMITTED,
    },
    SAME_RUN: {
        "own": ADMITTED,
        "own in lower case": ADMITTED,
        "own managing": ADMITTED,
        "other": DENIED,
        "other managing": DENIED,
    },
}
OF_A_MALFORMED_ID: dict[Row, Callers] = {
    TARGET: {"own": DENIED, "managing": ADMITTED},
    SAME_RUN: {"own": DENIED, "managing": DENIED},
    USER: {"own": UNAUTHENTICATED, "managing": UNAUTHENTICATED},
}


@pytest.fixture
def store_kind() -> str:
    """Nothing here depends on the store."""
    return "memory"


async def served(server: Server) -> dict[str, tuple[str, str]]:
    """Method and path of every operation, by its id."""
    document = (await server.anonymous.get("/api/v1/openapi.json")).json()
    return {
        operation["operationId"]: (method, path)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def token_of(server: Server, worker: Worker) -> str:
    issued = server.app.litestar.state[SERVICES].worker_tokens.issue(worker)
    text: str = issued.text.reveal()
    return text


async def ask(server: Server, worker: Worker, method: str, path: str, run_id: str) -> Answered:
    """What becomes of a request without a body, with `run_id` in the path wherever it takes an id."""
    filled = re.sub(r"\{\w+\}", "1", path.replace("{id}", run_id))
    headers = {"Authorization": f"Bearer {token_of(server, worker)}"}
    answer = await server.anonymous.request(method, filled, headers=headers)
    return answered(answer)


def answered(answer: httpx.Response) -> Answered:
    if answer.status_code not in (401, 403):
        return ADMITTED
    return str(answer.status_code), answer.json()["errors"][0].get("code")


async def test_every_operation_has_a_row(server: Server) -> None:
    assert (await served(server)).keys() - GUARDS.keys() == set()


@needs_contract
def test_every_row_is_an_operation() -> None:
    paths: dict[str, Any] = contract()["paths"]
    known = {item[method]["operationId"] for item in paths.values() for method in METHODS if method in item}
    assert GUARDS.keys() - known == {"createWorkerToken", "getReady"}


async def test_workers_get_past_the_guards_that_admit_them(server: Server) -> None:
    operations = await served(server)
    found = {
        name: {
            "own": await ask(server, Worker(run_id=OWN), *operations[name], OWN),
            "own in lower case": await ask(server, Worker(run_id=OWN), *operations[name], OWN.lower()),
            "own managing": await ask(server, Worker(run_id=OWN, manages_runs=True), *operations[name], OWN),
            "other": await ask(server, Worker(run_id=OTHER), *operations[name], OWN),
            "other managing": await ask(server, Worker(run_id=OTHER, manages_runs=True), *operations[name], OWN),
        }
        for name in operations
    }
    assert found == {name: EXPECTED[GUARDS[name]] for name in operations}


async def test_a_malformed_run_id_is_no_workers_run(server: Server) -> None:
    operations = {
        name: (method, path)
        for name, (method, path) in (await served(server)).items()
        if path.startswith("/api/v1/runs/{id}")
    }
    found = {
        name: {
            "own": await ask(server, Worker(run_id=OWN), *operations[name], "nope"),
            "managing": await ask(server, Worker(run_id=OWN, manages_runs=True), *operations[name], "nope"),
        }
        for name in operations
    }
    assert found == {name: OF_A_MALFORMED_ID[GUARDS[name]] for name in operations}


async def test_people_get_past_every_guard(server: Server) -> None:
    operations = await served(server)
    operations.pop("attachEvents")  # its answer does not end
    headers = {"Authorization": f"Bearer {server.token}"}
    found = {
        name: answered(await server.anonymous.request(method, re.sub(r"\{\w+\}", OWN, path), headers=headers))
        for name, (method, path) in operations.items()
    }
    assert found == dict.fromkeys(operations, ADMITTED)


async def test_without_credentials_nobody_gets_past_a_guard(server: Server) -> None:
    operations = {name: each for name, each in (await served(server)).items() if GUARDS[name] != PUBLIC}
    found = {
        name: answered(await server.anonymous.request(method, re.sub(r"\{\w+\}", "nope", path)))
        for name, (method, path) in operations.items()
    }
    assert found == dict.fromkeys(operations, UNAUTHENTICATED)
