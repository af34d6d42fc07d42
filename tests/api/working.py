"""A run whose worker is played by a test, event by event."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx

from tests.api.conftest import Server, manifest
from tests.runs.folding import RUNNING
from tests.runs.samples import SAMPLES


@dataclass
class Worker:
    """Appends to a run over HTTP, one event a second from 10:20:01 on."""

    server: Server
    run_id: str
    seconds: int = 0

    async def says(self, name: str, changes: Any = None, **scope: Any) -> None:
        """Append an event with the least properties it can have, changed by `changes`; it is accepted."""
        self.seconds += 1
        event = {
            "id": f"{name}-{self.seconds}",
            "ts": f"2026-03-02T10:{20 + self.seconds // 60}:{self.seconds % 60:02}Z",
            "run_id": self.run_id,
            "event": name,
            "properties": {**SAMPLES[name], **(changes or {})},
        }
        answer = await self.server.client.post(f"/api/v1/runs/{self.run_id}/events", json={**event, **scope})
        assert answer.status_code == 200, answer.text

    async def reads(self, path: str) -> Any:
        """The JSON of a read model of the run."""
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def get(self, path: str) -> httpx.Response:
        return await self.server.client.get(f"/api/v1/runs/{self.run_id}/{path}")


async def at_work(server: Server, example: str = "release", **changes: Any) -> Worker:
    """The worker of a new run that runs."""
    answer = await server.client.post("/api/v1/runs", content=json.dumps(manifest(example, **changes)))
    worker = Worker(server, answer.json()["id"])
    for name in RUNNING:
        await worker.says(name)
    return worker
