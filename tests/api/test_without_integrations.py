"""What is answered of services that the server has no part for (resources.md X12, X14, X15, X16 row 22)."""

from __future__ import annotations

import pytest

from fabro_core.auth.caller import Worker
from tests.api.conftest import Server
from tests.api.test_contract import check, check_error
from tests.api.test_guards import token_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def store_kind() -> str:
    """Nothing here depends on the store."""
    return "memory"


async def test_there_are_no_sandboxes(server: Server) -> None:
    answer = await server.client.get("/api/v1/sandboxes")
    check(answer, "listSandboxes")
    assert answer.json() == {"data": [], "meta": {"provider_errors": []}}
    check_error(await server.client.get("/api/v1/sandboxes/any"), 404)


async def test_workers_that_manage_runs_may_ask_for_sandboxes(server: Server) -> None:
    run = await server.create()
    for manages_runs, statuses in ((True, (200, 404)), (False, (403, 403))):
        token = token_of(server, Worker(run_id=run["id"], manages_runs=manages_runs))
        headers = {"Authorization": f"Bearer {token}"}
        for path, status in zip(("/api/v1/sandboxes", "/api/v1/sandboxes/any"), statuses, strict=True):
            assert (await server.anonymous.get(path, headers=headers)).status_code == status


async def test_no_repository_is_accessible(server: Server) -> None:
    answer = await server.client.get("/api/v1/repos/github/acme/shop.py")
    check(answer, "getGithubRepo")
    assert answer.json() == {
        "owner": "acme",
        "name": "shop.py",
        "accessible": False,
        "default_branch": None,
        "private": None,
        "permissions": None,
        "install_url": None,
    }


@pytest.mark.parametrize("slug", ["ac%20me/shop", "acme/sh%0Aop", f"acme/{'a' * 101}", "acme/%C3%84", "acme/a%2Fb"])
async def test_a_repository_that_cannot_be_is_refused(server: Server, slug: str) -> None:
    check_error(await server.client.get(f"/api/v1/repos/github/{slug}"), 400)


async def test_integrations_are_told_as_disabled(server: Server) -> None:
    answer = await server.client.get("/api/v1/system/integrations")
    check(answer, "getSystemIntegrations")
    disabled = {
        "enabled": False,
        "configured": False,
        "status": "disabled",
        "missing_credentials": [],
        "connection": None,
        "metadata": {},
    }
    assert answer.json() == {"data": [{"provider": each, **disabled} for each in ("github", "slack")]}
