"""Operations that are only named: 501 to whoever may ask, whatever is wrong with the request (resources.md X15)."""

from __future__ import annotations

import pytest

from fabro_core.api.routes import API_PREFIX
from fabro_core.api.server.placeholders import PLACEHOLDERS, Placeholder
from fabro_core.auth.caller import Worker
from tests.api.conftest import Server
from tests.api.contract import contract, needs_contract
from tests.api.test_guards import token_of

pytestmark = pytest.mark.anyio

BEYOND_THE_CONTRACT = {"listStageTurns"}


@pytest.fixture
def store_kind() -> str:
    """Nothing here depends on the store."""
    return "memory"


def url_of(placeholder: Placeholder) -> str:
    """The path with nonsense for ids."""
    path = placeholder.path
    for name in ("{id}", "{name}", "{stageId}"):
        path = path.replace(name, "no%20id")
    return API_PREFIX + path + "?page[limit]=x"


@pytest.mark.parametrize("placeholder", PLACEHOLDERS, ids=lambda each: each.id)
async def test_people_are_told_that_it_is_not_implemented(server: Server, placeholder: Placeholder) -> None:
    headers = {"Content-Type": "text/odd"}
    answer = await server.client.request(placeholder.method, url_of(placeholder), content=b"{" * 9, headers=headers)
    assert answer.status_code == 501
    (error,) = answer.json()["errors"]
    assert (error["title"], error["detail"]) == ("Not Implemented", "Not implemented.")


@pytest.mark.parametrize("placeholder", PLACEHOLDERS, ids=lambda each: each.id)
async def test_nobody_else_is(server: Server, placeholder: Placeholder) -> None:
    run = await server.create()
    worker = token_of(server, Worker(run_id=run["id"], manages_runs=True))
    for headers in ({}, {"Authorization": f"Bearer {worker}"}):
        answer = await server.anonymous.request(placeholder.method, url_of(placeholder), headers=headers)
        assert answer.status_code == 401


@needs_contract
def test_placeholders_are_operations_of_the_contract() -> None:
    operations = {
        (operation["operationId"], method.upper(), path): operation["tags"]
        for path, item in contract()["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, dict) and "operationId" in operation
    }
    for each in PLACEHOLDERS:
        if each.id not in BEYOND_THE_CONTRACT:
            assert operations[each.id, each.method, API_PREFIX + each.path] == [each.tag]
