"""POST /runs, durable on SQLite, as a ratio of the same endpoint on the memory store, which keeps nothing.

Each request is a whole run: manifest, compiled graph, three blobs and two events, on disk before it is answered.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.load import Result, generate, http_request
from benchmarks.servers import fabro

WRITERS = (1, 32)
EXAMPLE = Path(__file__).parents[1] / "examples" / "release.fabro"


def measure(work: Path, *, seconds: float, rounds: int) -> Iterator[str]:
    """The rows of a Markdown table."""
    yield "| writers | SQLite runs/s | p50 ms | p99 ms | memory runs/s | ratio |"
    yield "|---|---|---|---|---|---|"
    with ExitStack() as stack:
        durable = stack.enter_context(fabro(work / "durable", work / "durable.db", log_level="warning"))
        memory = stack.enter_context(fabro(work / "memory", None, log_level="warning"))
        for writers in WRITERS:
            seen: dict[str, list[Result]] = {durable.token: [], memory.token: []}
            for _ in range(rounds):
                for server in (durable, memory):
                    request = http_request("POST", "/api/v1/runs", token=server.token, body=manifest())
                    result = generate(server.host, server.port, request, connections=writers, seconds=seconds)
                    if result.failures:
                        raise RuntimeError(f"{result.failures} requests failed")
                    seen[server.token].append(result)
            on_disk, in_memory = (
                statistics.median(result.per_second for result in seen[server.token]) for server in (durable, memory)
            )
            p50, p99 = (
                statistics.median(result.percentile(percent) for result in seen[durable.token]) for percent in (50, 99)
            )
            yield (
                f"| {writers} | {on_disk:,.0f} | {p50:.2f} | {p99:.2f} | {in_memory:,.0f} "
                f"| **{on_disk / in_memory:.2f}** |"
            )


def manifest() -> bytes:
    """The body of a request for a run of an example workflow."""
    path = EXAMPLE.name
    workflow = {"source": EXAMPLE.read_text(encoding="utf-8")}
    document = {"version": 1, "cwd": "/projects/shop", "target": {"path": path}, "workflows": {path: workflow}}
    return json.dumps(document).encode()
