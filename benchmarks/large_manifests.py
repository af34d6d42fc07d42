"""What others notice of `POST /runs` with a large manifest: the latency of `/health`, alone and meanwhile.

The manifest has 1.5 MB: six settings files, a graph of a thousand nodes, and files. Requests for `/health` are sent at
a fixed pace, so that a server that stands still is asked as often as one that answers. No two manifests are the same,
since a server keeps what it has compiled.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

from benchmarks.load import http_request
from benchmarks.servers import Address, fabro

PACE_SECONDS = 0.01
NODES = 1_000
CONFIG_BYTES = 150_000
MANIFEST_BYTES = 1_500_000
EDITION = b"edition-%06d"
FIRST_EDITION = (EDITION % 0).decode()


def measure(work: Path, *, seconds: float) -> Iterator[str]:
    """The rows of a Markdown table."""
    yield "| `/health` | p50 ms | p95 ms | p99 ms | longest ms | runs created | seconds each |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    body = manifest()
    with fabro(work, work / "runs.db", log_level="warning") as server:
        for creating in (False, True):
            latencies, created = asyncio.run(_both(server, body if creating else None, seconds))
            took = f"{sum(created) / len(created):.2f}" if created else "-"
            figures = " | ".join(f"{_percentile(latencies, percent):.1f}" for percent in (50, 95, 99, 100))
            yield f"| {'meanwhile' if creating else 'alone'} | {figures} | {len(created)} | {took} |"


def manifest() -> bytes:
    """A manifest of `MANIFEST_BYTES` that is valid."""
    path = "flows/large/workflow.fabro"
    nodes = "\n".join(f'  n{i} [label="Step {i}", timeout=900s, prompt="{"Do it well. " * 20}"]' for i in range(NODES))
    chain = " -> ".join(f"n{i}" for i in range(NODES))
    ends = f"  start [shape=Mdiamond, label={FIRST_EDITION}]\n  done [shape=Msquare]"
    source = f"digraph Large {{\n{ends}\n{nodes}\n  start -> {chain} -> done\n}}\n"
    document = {
        "version": 1,
        "cwd": "/projects/shop",
        "target": {"path": path},
        "configs": [
            {"type": kind, "path": f"{kind}{i}.toml", "source": _config(kind, i)}
            for kind in ("user", "project")
            for i in range(3)
        ],
        "workflows": {path: {"source": source, "files": {}}},
    }
    rest = MANIFEST_BYTES - len(json.dumps(document)) - 200
    entry = {"content": "x" * rest, "ref": {"type": "file_inline", "original": "@notes.md", "from": path}}
    document["workflows"][path]["files"]["flows/large/notes.md"] = entry  # type: ignore[index]
    return json.dumps(document).encode()


def _config(kind: str, number: int) -> str:
    lines = ["_version = 1", "[run.inputs]", f'{kind}_{number} = "{FIRST_EDITION}"']
    lines += [f'{kind}_{number}_{i} = "the value of input {i}"' for i in range(CONFIG_BYTES // 45)]
    return "\n".join(lines)


async def _both(server: Address, body: bytes | None, seconds: float) -> tuple[list[float], list[float]]:
    """The latencies of `/health` in milliseconds, and how many seconds each run took to create."""
    stop = asyncio.Event()
    creating = asyncio.create_task(_create(server, body, stop)) if body else None
    latencies: list[float] = []
    health = http_request("GET", "/health")
    connections = [await asyncio.open_connection(server.host, server.port) for _ in range(20)]
    began = perf_counter()
    pending: set[asyncio.Task[None]] = set()
    for turn in range(int(seconds / PACE_SECONDS)):
        due = began + turn * PACE_SECONDS
        await asyncio.sleep(max(0.0, due - perf_counter()))
        connection = connections.pop(0) if connections else await asyncio.open_connection(server.host, server.port)
        task = asyncio.create_task(_ask(connection, health, connections, latencies))
        pending.add(task)
        task.add_done_callback(pending.discard)
    await asyncio.gather(*pending)
    stop.set()
    created = await creating if creating else []
    for _, writer in connections:
        writer.close()
    return latencies, created


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _ask(connection: Connection, request: bytes, idle: list[Connection], latencies: list[float]) -> None:
    began = perf_counter()
    await _status(connection, request, 200)
    latencies.append((perf_counter() - began) * 1000)
    idle.append(connection)


async def _create(server: Address, body: bytes, stop: asyncio.Event) -> list[float]:
    connection = await asyncio.open_connection(server.host, server.port)
    request = http_request("POST", "/api/v1/runs", token=server.token, body=body)
    took: list[float] = []
    while not stop.is_set():
        own = request.replace(FIRST_EDITION.encode(), EDITION % (len(took) + 1))
        began = perf_counter()
        await _status(connection, own, 201)
        took.append(perf_counter() - began)
    connection[1].close()
    return took


async def _status(connection: Connection, request: bytes, expected: int) -> None:
    reader, writer = connection
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    body = await reader.readexactly(int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
    if not head.startswith(b"http/1.1 %d" % expected):
        raise RuntimeError(f"not answered as it should be: {head.splitlines()[0]!r} {body[:300]!r}")


def _percentile(latencies: Sequence[float], percent: int) -> float:
    ranked = sorted(latencies)
    return ranked[math.ceil(len(ranked) * percent / 100) - 1]
