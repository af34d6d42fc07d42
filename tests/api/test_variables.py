"""Variables over HTTP (resources.md X7, X16 row 13)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import Server, manifest
from tests.api.test_contract import check

pytestmark = pytest.mark.anyio

PATH = "/api/v1/variables"


async def set_(server: Server, name: str, value: str, **more: Any) -> dict[str, Any]:
    answer = await server.client.post(PATH, json={"name": name, "value": value, **more})
    assert answer.status_code == 200, answer.text
    check(answer, "createVariable")
    variable: dict[str, Any] = answer.json()
    return variable


async def test_a_variable_is_set_shown_listed_and_deleted(server: Server) -> None:
    variable = await set_(server, "REGION", "eu-1", description="Default region")
    assert variable == {
        "name": "REGION",
        "value": "eu-1",
        "description": "Default region",
        "created_at": variable["created_at"],
        "updated_at": variable["created_at"],
    }
    shown = await server.client.get(f"{PATH}/REGION")
    check(shown, "getVariable")
    assert shown.json() == variable
    await set_(server, "A", "1")
    listed = await server.client.get(PATH)
    check(listed, "listVariables")
    assert [each["name"] for each in listed.json()["data"]] == ["A", "REGION"]
    assert (await server.client.delete(f"{PATH}/REGION")).status_code == 204
    assert (await server.client.delete(f"{PATH}/REGION")).status_code == 404
    assert (await server.client.get(f"{PATH}/REGION")).status_code == 404


async def test_setting_it_again_keeps_when_it_was_created_and_what_is_not_said(server: Server) -> None:
    first = await set_(server, "REGION", "eu-1", description="Default region")
    server.clock.advance(timedelta(seconds=5))
    second = await set_(server, "REGION", "")
    assert (second["value"], second["description"], second["created_at"]) == (
        "",
        "Default region",
        first["created_at"],
    )
    assert second["updated_at"] > first["updated_at"]
    assert (await set_(server, "REGION", "", description=""))["description"] == ""


async def test_changing_never_creates(server: Server) -> None:
    assert (await server.client.put(f"{PATH}/REGION", json={"value": "x"})).status_code == 404
    assert (await server.client.get(PATH)).json() == {"data": []}
    await set_(server, "REGION", "eu-1")
    changed = await server.client.put(f"{PATH}/REGION", json={"value": "eu-2", "description": "d"})
    check(changed, "updateVariable")
    assert (changed.json()["value"], changed.json()["description"]) == ("eu-2", "d")


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "Ä", "A\n", "A\u0000"])
async def test_a_name_that_cannot_be_is_refused_in_the_body(server: Server, name: str) -> None:
    assert (await server.client.post(PATH, json={"name": name, "value": "x"})).status_code == 400


@pytest.mark.parametrize("name", ["1A", "A-B", "A%20B", "%C3%84", "A%0A", "A%00"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_name_that_cannot_be_is_refused_in_the_path(server: Server, method: str, name: str) -> None:
    body = b'{"value":"x"}' if method == "PUT" else b""
    answer = await server.client.request(method, f"{PATH}/{name}", content=body)
    assert answer.status_code == 400
    assert '"name"' in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("body", [{}, {"value": 1}, {"value": None}, {"value": "x", "description": None}, []])
async def test_a_body_that_is_not_valid_is_refused(server: Server, body: object) -> None:
    await set_(server, "REGION", "eu-1")
    assert (await server.client.put(f"{PATH}/REGION", content=json.dumps(body))).status_code == 400
    assert (await server.client.get(f"{PATH}/REGION")).json()["value"] == "eu-1"


async def test_a_name_in_the_path_is_judged_before_the_body(server: Server) -> None:
    answer = await server.client.put(f"{PATH}/1A", content=b"{")
    assert '"name"' in answer.json()["errors"][0]["detail"]


async def test_manifests_refer_to_variables(server: Server) -> None:
    config = {"path": "examples/workflow.toml", "source": '[run.metadata]\nregion = "{{ vars.REGION }}"\n'}
    body = manifest()
    body["workflows"][body["target"]["path"]]["config"] = config
    assert (await server.client.post("/api/v1/runs", json=body)).status_code == 400
    await set_(server, "REGION", "eu-1")
    created = await server.client.post("/api/v1/runs", json=body)
    assert created.status_code == 201, created.text
    run = created.json()
    settings = (await server.client.get(f"/api/v1/runs/{run['id']}/settings")).json()
    assert settings["run"]["metadata"] == {"region": "eu-1"}
