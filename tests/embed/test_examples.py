"""The example hosts, served as their first lines say."""

from __future__ import annotations

import runpy
from pathlib import Path

import httpx
import pytest

from fabro_auth_devtoken import new_token
from tests.embed.serving import environment, new_run, served

pytestmark = pytest.mark.anyio

EXAMPLES = Path(__file__).parents[2] / "examples" / "embed"


@pytest.mark.parametrize("name", ["starlette_host", "fastapi_host", "litestar_host"])
async def test_an_example_host_serves_runs_below_the_prefix(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = new_token()
    for variable, value in environment(tmp_path, token).items():
        monkeypatch.setenv(variable, value)
    app = runpy.run_path(str(EXAMPLES / f"{name}.py"))["app"]

    async with (
        served(app) as site,
        httpx.AsyncClient(base_url=site.base, headers={"Authorization": f"Bearer {token}"}) as client,
    ):
        index = await client.get("/")
        run = (await client.post("/fabro/api/v1/runs", content=new_run())).json()

    assert "Runs are below /fabro." in index.text
    assert run["links"]["web"] == f"http://127.0.0.1:8000/fabro/runs/{run['id']}"


def test_every_example_is_executed() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {"starlette_host", "fastapi_host", "litestar_host"}
