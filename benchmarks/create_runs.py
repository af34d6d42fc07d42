"""POST /runs, durable on SQLite, as a ratio of the same endpoint on the memory store, which keeps nothing.

Each request is a whole run: manifest, compiled graph, three blobs and two events, on disk before it is answered. All
are of one workflow, as most runs of a server have a workflow that it has seen before; either there is nothing else to
tell them apart, or each has a goal, an input and a label of its own.
"""

from __future__ import annotations

import json
import random
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from itertools import count, product
from pathlib import Path

from benchmarks.load import Result, generate_from, http_request
from benchmarks.servers import fabro

WRITERS = (1, 32)
EXAMPLE = Path(__file__).parents[1] / "examples" / "release.fabro"


def measure(work: Path, *, seconds: float, rounds: int) -> Iterator[str]:
    """The rows of a Markdown table."""
    yield "| writers | runs | SQLite runs/s | p50 ms | p99 ms | memory runs/s | ratio |"
    yield "|---|---|---|---|---|---|---|"
    with ExitStack() as stack:
        durable = stack.enter_context(fabro(work / "durable", work / "durable.db", log_level="warning"))
        memory = stack.enter_context(fabro(work / "memory", None, log_level="warning"))
        for writers, kind in product(WRITERS, RUNS):
            seen: dict[str, list[Result]] = {durable.token: [], memory.token: []}
            for _ in range(rounds):
                for server in (durable, memory):
                    requests = [_requests(server.token, RUNS[kind]) for _ in range(writers)]
                    result = generate_from(server.host, server.port, requests, seconds=seconds)
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
                f"| {writers} | {kind} | {on_disk:,.0f} | {p50:.2f} | {p99:.2f} | {in_memory:,.0f} "
                f"| **{on_disk / in_memory:.2f}** |"
            )


def manifest(**members: object) -> bytes:
    """The body of a request for a run of an example workflow."""
    return json.dumps(_document() | members).encode()


@cache
def _document() -> dict[str, object]:
    path = EXAMPLE.name
    workflow = {"source": EXAMPLE.read_text(encoding="utf-8")}
    return {"version": 1, "cwd": "/projects/shop", "target": {"path": path}, "workflows": {path: workflow}}


def _alike(_number: int) -> bytes:
    return manifest()


def _different(number: int) -> bytes:
    args = {"input": [f"ticket={number}"], "label": [f"ticket={number}"]}
    return manifest(goal={"type": "value", "text": f"Publish what ticket {number} asks for"}, args=args)


RUNS = {"alike": _alike, "each its own": _different}


def _requests(token: str, body: Callable[[int], bytes]) -> Iterator[bytes]:
    """Requests without end, of which no other call makes the same."""
    numbers = count(random.getrandbits(48))
    return (http_request("POST", "/api/v1/runs", token=token, body=body(number)) for number in numbers)
