"""What serves here (resources.md X12)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from fabro_core import __version__
from fabro_core.api.server.system import arch_name, os_name
from tests.api.conftest import Server, in_memory, serving
from tests.api.seeding import STATUSES, Seed, put

pytestmark = pytest.mark.anyio


async def test_it_names_store_methods_and_place(server: Server, store_kind: str, tmp_path: Path) -> None:
    answer = await server.client.get("/api/v1/system/info")

    found = answer.json()
    assert answer.status_code == 200
    assert (found["version"], found["storage_engine"], found["auth_methods"]) == (
        __version__,
        store_kind,
        ["dev-token"],
    )
    assert found["storage_dir"] == str(tmp_path / "home" / "storage")
    assert [found[key] for key in ("git_sha", "build_date", "profile")] == [None] * 3
    assert "sandbox_provider" not in found


async def test_it_counts_runs_by_what_they_need_of_the_server(server: Server) -> None:
    await put(server.store, *(Seed(status=name, entropy=number) for number, name in enumerate(STATUSES)))
    await put(server.store, Seed(status="succeeded", archived=True, created=1))

    runs = (await server.client.get("/api/v1/system/info")).json()["runs"]

    ended = {"succeeded", "failed", "dead"}
    assert runs == {
        "total": len(STATUSES) + 1,
        "active": len(STATUSES.keys() - ended),
        "scheduler_slots_used": len({"starting", "running", "paused", "blocked"}),
    }


async def test_uptime_counts_whole_seconds_from_the_start(server: Server) -> None:
    server.clock.advance(timedelta(hours=1, milliseconds=999))
    assert (await server.client.get("/api/v1/system/info")).json()["uptime_secs"] == 3600

    server.clock.advance(timedelta(hours=-2))
    assert (await server.client.get("/api/v1/system/info")).json()["uptime_secs"] == 0


async def test_the_url_is_the_public_one(tmp_path: Path) -> None:
    async with serving(in_memory(web={"url": "https://acme.example/fabro/"}), tmp_path) as server:
        found = (await server.client.get("/api/v1/system/info")).json()
    assert found["server_url"] == "https://acme.example/fabro"


async def test_it_is_for_authenticated_callers(server: Server) -> None:
    assert (await server.anonymous.get("/api/v1/system/info")).status_code == 401


@pytest.mark.parametrize(
    ("system", "machine", "names"),
    [
        ("Linux", "x86_64", ("linux", "x86_64")),
        ("Darwin", "arm64", ("macos", "aarch64")),
        ("Windows", "AMD64", ("windows", "x86_64")),
        ("Linux", "aarch64", ("linux", "aarch64")),
    ],
)
def test_platforms_have_the_names_that_clients_know(system: str, machine: str, names: tuple[str, str]) -> None:
    assert (os_name(system), arch_name(machine)) == names
