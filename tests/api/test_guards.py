"""The run id in a path, as guards read it (runs.md R2). Who gets past which guard is in `tests/security`."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from fabro_core.auth.caller import Worker
from fabro_core.http.services import SERVICES
from tests.api.conftest import Server
from tests.api.contract import contract, needs_contract
from tests.api.guard_table import GUARDS, SAME_RUN, TARGET, USER, Row

pytestmark = pytest.mark.anyio

OWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
"""A run that does not exist: who is admitted is told so, or that the request is not valid."""
METHODS = ("get", "put", "post", "patch", "delete")

Answered = tuple[str, str | None]
"""`admitted`, or a status with its code."""

ADMITTED: Answered = ("admitted", None)
UNAUTHENTICATED: Answered = ("401", None)
DENIED: Answered = ("403", "access_denied")

Callers = dict[str, Answered]

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
    """Method and path of every operation that has a guard, by its id; what signs people in has none."""
    document = (await server.anonymous.get("/api/v1/openapi.json")).json()
    return {
        operation["operationId"]: (method, path)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS and not path.startswith("/auth/")
    }


def token_of(server: Server, worker: Worker) -> str:
    issued = server.app.litestar.state[SERVICES].auth.workers.issue(worker)
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


@needs_contract
def test_every_row_is_an_operation() -> None:
    paths: dict[str, Any] = contract()["paths"]
    known = {item[method]["operationId"] for item in paths.values() for method in METHODS if method in item}
    assert GUARDS.keys() - known == {"createWorkerToken", "getReady", "listStageTurns"}


async def test_a_workers_run_may_be_spelt_in_lower_case(server: Server) -> None:
    operations = {
        name: (method, path)
        for name, (method, path) in (await served(server)).items()
        if GUARDS[name] in (TARGET, SAME_RUN)
    }
    found = {name: await ask(server, Worker(run_id=OWN), *operations[name], OWN.lower()) for name in operations}
    assert found == dict.fromkeys(operations, ADMITTED)


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
