"""A real Caddy with the file of `examples/scale`, in front of two servers (docs/operate/scale.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.ports import free_port
from tests.proxies.conftest import PATIENCE_SECONDS, SIGNED_IN
from tests.proxies.running import caddy
from tests.proxies.test_nginx import append, begun
from tests.races.server_process import ServerProcess, on_sqlite, server_process
from tests.races.work import NOTE, RUNNING


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """Two on one store."""
    store = on_sqlite(tmp_path / "fabro.db")
    with server_process(tmp_path / "one", store) as one, server_process(tmp_path / "two", store) as two:
        yield one, two


def test_any_server_answers_and_the_end_of_one_fails_no_request(
    servers: tuple[ServerProcess, ServerProcess], tmp_path: Path
) -> None:
    port = free_port()
    with (
        caddy(tmp_path, port=port, upstreams=(servers[0].port, servers[1].port)),
        httpx.Client(base_url=f"http://localhost:{port}", timeout=PATIENCE_SECONDS, trust_env=False) as client,
    ):
        run = begun(client)
        run_id = run.rpartition("/")[2]
        with client.stream("GET", f"{run}/attach?since_seq=1", headers=SIGNED_IN) as stream:
            seen = (json.loads(line[5:])["event"] for line in stream.iter_lines() if line.startswith("data:"))
            while next(seen) != RUNNING[-1]:
                pass
            append(client, run_id, NOTE)
            assert next(seen) == NOTE, "streams are passed on as they are written"
        assert servers[0].stop() == 0
        for _ in range(20):
            assert client.get(run, headers=SIGNED_IN).status_code == 200
