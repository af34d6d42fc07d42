"""Following one run of a server in this process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fabro_core.http.services import SERVICES
from fabro_core.http.streams import EventStreams
from tests.api.conftest import Server
from tests.streams.client import Frame, Reader, attached


def path_of(run_id: str) -> str:
    return f"/api/v1/runs/{run_id}/attach"


@asynccontextmanager
async def attach(server: Server, run_id: str, query: str = "", **headers: str) -> AsyncIterator[Reader]:
    async with attached(server.app, path_of(run_id) + query, **{**credentials(server), **headers}) as reader:
        yield reader


def credentials(server: Server) -> dict[str, str]:
    return {"authorization": f"Bearer {server.token}"}


def streams_of(server: Server) -> EventStreams:
    found = server.app.litestar.state[SERVICES].streams
    assert isinstance(found, EventStreams)
    return found


def ids(frames: list[Frame]) -> list[int]:
    return [each.id for each in frames]


def error(reader: Reader) -> tuple[int, str | None]:
    (entry,) = json.loads(b"".join(reader.chunks))["errors"]
    return reader.status, entry.get("code")
