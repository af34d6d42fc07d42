"""Runs of automations: by hand, over HTTP, with an extension that is a source of manifests (resources.md X10)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fabro_core import CodeHostFailed, ManifestRequest, ManifestSource, NoManifest, StartupError, hookimpl
from fabro_core.hooks import PLUGIN_API
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin
from tests.api.conftest import Server, in_memory, manifest, serving
from tests.api.test_contract import check, check_error

pytestmark = pytest.mark.anyio

PATH = "/api/v1/automations"
TARGET = {"repository": "acme/shop", "ref": "main", "workflow": "deploy"}
API = {"id": "manual", "type": "api", "enabled": True}


class Checkouts(ManifestSource):
    """Has one workflow."""

    def __init__(self) -> None:
        self.asked: list[ManifestRequest] = []
        self.answer: bytes | Exception = json.dumps(manifest()).encode()

    async def manifest(self, request: ManifestRequest, /) -> bytes:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def plugin_of(source: ManifestSource, name: str = "checkouts") -> InlinePlugin:
    @hookimpl
    def fabro_manifest_source() -> ManifestSource:
        return source

    target = SimpleNamespace(FABRO_PLUGIN_API=PLUGIN_API, fabro_manifest_source=fabro_manifest_source)
    return InlinePlugin(group=Group.EXT, name=name, target=target)


def with_extensions(*names: str) -> dict[str, Any]:
    return in_memory(extensions={"enabled": list(names)})


async def automated(server: Server, *triggers: Any) -> None:
    body = {"id": "nightly", "name": "Nightly deploy", "target": TARGET, "triggers": triggers}
    assert (await server.client.post(PATH, json=body)).status_code == 201


@pytest.fixture
def source() -> Checkouts:
    return Checkouts()


@pytest.fixture
async def server(source: Checkouts, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Server]:
    async with serving(with_extensions("checkouts"), tmp_path / "home", plugin_of(source)) as server:
        await automated(server, API)
        yield server


async def test_a_run_is_made_of_the_manifest_shown_and_then_started(server: Server, source: Checkouts) -> None:
    answer = await server.client.post(f"{PATH}/nightly/runs")
    check(answer, "createAutomationRun")
    run = answer.json()
    assert (answer.status_code, run["lifecycle"]["status"]["kind"]) == (201, "submitted")
    assert run["automation"] == {"id": "nightly", "name": "Nightly deploy", "trigger_id": "manual"}
    assert run["created_by"]["login"] == "dev"
    now = (await server.client.get(f"/api/v1/runs/{run['id']}")).json()
    assert now["lifecycle"]["status"]["kind"] == "runnable"
    assert source.asked == [
        ManifestRequest(
            automation_id="nightly", trigger_id="manual", repository="acme/shop", ref="main", workflow="deploy"
        )
    ]
    listed = (await server.client.get(f"{PATH}/nightly/runs")).json()
    assert [each["id"] for each in listed["data"]] == [run["id"]]


@pytest.mark.parametrize(
    ("found", "status", "told"),
    [
        (NoManifest("There is no workflow deploy."), 422, "There is no workflow deploy."),
        (b"{", 422, "is not valid"),
        (json.dumps(manifest(version=2)).encode(), 422, "is not valid"),
        (json.dumps(manifest(parent_id="01KJQ0QEPA7V9X1B2C4D6F8G0H")).encode(), 422, "is not valid"),
        (CodeHostFailed("The code host does not answer."), 502, "The code host does not answer."),
        (OSError("https://user:hunter2@git.internal"), 502, "The source of manifests has failed."),
    ],
)
async def test_what_cannot_be_run_says_why(
    server: Server, source: Checkouts, found: bytes | Exception, status: int, told: str
) -> None:
    source.answer = found
    answer = await server.client.post(f"{PATH}/nightly/runs")
    check_error(answer, status)
    assert told in answer.json()["errors"][0]["detail"]
    assert "hunter2" not in answer.text
    assert (await server.client.get(f"{PATH}/nightly/runs")).json()["meta"]["total"] == 0


async def test_two_sources_stop_the_start(source: Checkouts, tmp_path: Path) -> None:
    plugins = [plugin_of(source, "one"), plugin_of(Checkouts(), "two")]
    with pytest.raises(StartupError, match="each implement fabro_manifest_source"):
        async with serving(with_extensions("one", "two"), tmp_path, *plugins):
            pass
