"""Environments over HTTP, and in the settings of runs (resources.md X8, X16 row 14)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Server, manifest
from tests.api.test_contract import check_error
from tests.api.test_revisioned import ENVIRONMENTS, STALE, created, put

pytestmark = pytest.mark.anyio

WHOLE = dict(ENVIRONMENTS.definition)


async def test_there_is_a_default_one_that_may_be_replaced_and_not_deleted(server: Server) -> None:
    default = (await server.client.get(ENVIRONMENTS.at("default"))).json()
    assert default == {
        "id": "default",
        "revision": default["revision"],
        "provider": "local",
        "cwd": None,
        "image": {"docker": None, "dockerfile": None},
        "resources": {"cpu": None, "memory": None, "disk": None},
        "network": {"mode": "allow_all", "allow": []},
        "lifecycle": {"preserve": False, "stop_on_terminal": True, "auto_stop": None},
        "labels": {},
        "env": {},
    }
    for revision in (default["revision"], STALE):
        check_error(await server.client.delete(ENVIRONMENTS.at("default"), headers={"If-Match": revision}), 409)
    check_error(await server.client.post(ENVIRONMENTS.path, json={"id": "default", **WHOLE}), 409)
    check_error(await put(server, ENVIRONMENTS, STALE, id_="default"), 409)
    replaced = await put(server, ENVIRONMENTS, default["revision"], id_="default")
    assert replaced.status_code == 200
    revision = replaced.json()["revision"]
    check_error(await server.client.delete(ENVIRONMENTS.at("default"), headers={"If-Match": revision}), 409)
    assert (await server.client.get(ENVIRONMENTS.path)).json() == {"data": [replaced.json()], "meta": {"total": 1}}


async def test_local_is_reserved_and_not_there(server: Server) -> None:
    check_error(await server.client.get(ENVIRONMENTS.at("local")), 404)
    check_error(await server.client.post(ENVIRONMENTS.path, json={"id": "local", **WHOLE}), 409)
    check_error(await put(server, ENVIRONMENTS, None, id_="local"), 428)
    check_error(await put(server, ENVIRONMENTS, STALE, id_="local"), 409)
    check_error(await server.client.delete(ENVIRONMENTS.at("local"), headers={"If-Match": STALE}), 409)


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("provider", "moon"),
        ("image", {"docker": None, "dockerfile": {"type": "path", "path": "Dockerfile"}}),
        ("image", {"docker": None}),
        ("resources", {"cpu": -1, "memory": None, "disk": None}),
        ("resources", {"cpu": None, "memory": "much", "disk": None}),
        ("resources", {"cpu": None, "memory": None, "disk": "-1GB"}),
        ("resources", {"cpu": None, "memory": None, "disk": None, "gpu": 1}),
        ("network", {"mode": "odd", "allow": []}),
        ("network", {"mode": "cidr_allow_list", "allow": ["10.0.0.0"]}),
        ("lifecycle", {"preserve": False, "stop_on_terminal": True, "auto_stop": "soon"}),
        ("lifecycle", {"preserve": None, "stop_on_terminal": True, "auto_stop": None}),
        ("env", {"A": 1}),
    ],
)
async def test_what_no_environment_can_be_is_422(server: Server, section: str, value: Any) -> None:
    answer = await server.client.post(ENVIRONMENTS.path, json={"id": "ci", **WHOLE, section: value})
    check_error(answer, 422)
    assert section in answer.json()["errors"][0]["detail"]


async def test_an_inline_dockerfile_is_kept(server: Server) -> None:
    image = {"docker": None, "dockerfile": {"type": "inline", "value": "FROM scratch"}}
    answer = await server.client.post(ENVIRONMENTS.path, json={"id": "ci", **WHOLE, "image": image, "cwd": "/work"})
    assert (answer.json()["image"], answer.json()["cwd"]) == (image, "/work")


async def test_a_run_has_a_copy_of_the_environment_that_it_names(server: Server) -> None:
    named = manifest(args={"environment": "ci"})
    check_error(await server.client.post("/api/v1/runs", json=named), 400)
    network = {"mode": "allow_all", "allow": []}
    first = await server.client.post(ENVIRONMENTS.path, json={"id": "ci", **WHOLE, "network": network})
    created_ = await server.client.post("/api/v1/runs", json=named)
    assert created_.status_code == 201, created_.text
    path = f"/api/v1/runs/{created_.json()['id']}/settings"
    settings = (await server.client.get(path)).json()
    assert settings["run"]["environment"]["image"]["docker"] == "python:3.12"
    await put(server, ENVIRONMENTS, first.json()["revision"], image={"docker": "python:3.13", "dockerfile": None})
    assert (await server.client.get(path)).json() == settings


async def test_runs_are_in_the_default_one_as_it_was_replaced(server: Server) -> None:
    default = (await server.client.get(ENVIRONMENTS.at("default"))).json()
    network = {"mode": "allow_all", "allow": []}
    await put(server, ENVIRONMENTS, default["revision"], id_="default", network=network)
    run = await server.create()
    settings = (await server.client.get(f"/api/v1/runs/{run['id']}/settings")).json()
    assert settings["run"]["environment"]["provider"] == "docker"
    assert (await created(server, ENVIRONMENTS, "other"))["id"] == "other"
