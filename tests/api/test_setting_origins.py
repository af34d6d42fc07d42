"""GET /runs/{id}/settings?origins=true (run-settings.md T9), on both stores."""

from __future__ import annotations

import json

import pytest

from fabro_core.store.records import BlobDelete
from tests.api.conftest import Server

pytestmark = pytest.mark.anyio


async def test_settings_are_answered_with_the_layer_that_each_came_from(server: Server) -> None:
    config = {"type": "project", "path": ".fabro/project.toml", "source": "run.clone.depth = 7"}
    run = await server.create(configs=[config], args={"model": "m"})
    path = f"/api/v1/runs/{run['id']}/settings"
    settings = (await server.client.get(path)).json()
    answer = (await server.client.get(path, params={"origins": "true"})).json()
    assert answer["settings"] == settings
    assert answer["origins"]["run.clone.depth"] == {"layer": "project", "path": ".fabro/project.toml", "overruled": []}
    assert answer["origins"]["run.model.name"] == {"layer": "argument", "path": None, "overruled": []}
    assert answer["origins"]["run.clone.enabled"] == {"layer": "default", "path": None, "overruled": []}
    assert (await server.client.get(path, params={"origins": "false"})).json() == settings


async def test_a_run_that_was_retried_keeps_the_origins_of_its_settings(server: Server) -> None:
    source = await server.finished(args={"model": "m"})
    retried = (await server.client.post(f"/api/v1/runs/{source['id']}/retry")).json()
    answers = [
        (await server.client.get(f"/api/v1/runs/{run['id']}/settings", params={"origins": "true"})).json()
        for run in (source, retried)
    ]
    assert answers[0] == answers[1]
    assert answers[1]["origins"]["run.model.name"]["layer"] == "argument"


async def test_a_run_whose_specification_has_no_origins_answers_null(server: Server) -> None:
    run = await server.create()
    (created,) = await server.events_of(run["id"], "run.created")
    spec = json.loads(await server.store.get_blob(created["properties"]["spec_blob"]) or b"")
    assert spec["setting_origins"]["run.model.name"]["layer"] == "default"
    delete = BlobDelete(digest=created["properties"]["spec_blob"], if_put_before_ms=2**62)
    assert await server.store.delete_blob(delete)
    answer = await server.client.get(f"/api/v1/runs/{run['id']}/settings", params={"origins": "true"})
    assert answer.json() == {"settings": created["properties"]["settings"], "origins": None}
