"""What one list request costs inside the process, without sockets: microseconds of the processor, beside the reference.

python -m benchmarks.request_path [--profile]

The figures of `list_runs` over HTTP hold an ASGI server and a kernel as well; this is the part that is ours.
"""

from __future__ import annotations

import asyncio
import cProfile
import logging
import pstats
import secrets
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import thread_time
from typing import Any, Final

import msgspec
import uvloop
from msgspec.structs import replace

from benchmarks.reference import litestar_get
from benchmarks.seed import seed
from fabro_core.app import create_app
from fabro_core.models.status import Bucket
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.wire import row_of
from fabro_core.store.base import RunStore
from fabro_core.store.records import ANY, AppendBatch, DocWrite, EventRecord, RunQuery
from fabro_store_sqlite import SqliteRunStore

RUNS: Final = 2_000
CALLS: Final = 2_000
ROUNDS: Final = 15

Ask = Callable[[], Awaitable[bytes]]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="fabro-bench-") as work:
        uvloop.run(_measure(Path(work), profile="--profile" in sys.argv))


async def _measure(work: Path, *, profile: bool) -> None:
    database = work / "runs.db"
    await seed(SqliteRunStore(database), RUNS)
    token = f"fabro_dev_{secrets.token_hex(32)}"
    app = create_app(
        {"server": {"auth": {"methods": ["dev-token"]}, "store": {"sqlite": {"path": str(database)}}}},
        environ={"FABRO_HOME": str(work), "FABRO_DEV_TOKEN": token, "SESSION_SECRET": secrets.token_hex(32)},
    )
    async with app.lifespan():
        store = app.assembly.store
        list_of_20 = asking(app, "/api/v1/runs", token)
        reference = asking(litestar_get(await list_of_20()), "/api/v1/runs", token)
        cases = {
            "reference": reference,
            "who am I": asking(app, "/api/v1/user", token),
            "list of 20": list_of_20,
            "list of 100": asking(app, "/api/v1/runs?page[limit]=100", token),
            "list of 20 by title": asking(app, "/api/v1/runs?sort=title&direction=asc", token),
        }
        costs = await _costs(cases)
        costs["reference, after a document was written"] = await _cost_after(write_document, reference, store)
        costs["list of 20, after a document was written"] = await _cost_after(write_document, list_of_20, store)
        costs["list of 20, after an event was written"] = await _cost_after(write_event, list_of_20, store)
        print("| | µs | of the reference |\n|---|---:|---:|")
        for name, cost in costs.items():
            print(f"| {name} | {cost:.1f} | {cost / costs['reference']:.2f} |")
        if profile:
            await _print_profile(list_of_20)


def asking(app: Any, target: str, token: str) -> Ask:
    """A request to an ASGI application as uvicorn would hand it over."""
    path, _, query = target.partition("?")
    headers = [
        (b"host", b"127.0.0.1:3000"),
        (b"user-agent", b"fabro-cli/1.0.0"),
        (b"accept", b"application/json"),
        (b"authorization", f"Bearer {token}".encode("ascii")),
    ]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def ask() -> bytes:
        body = b""

        async def send(message: dict[str, Any]) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                assert message["status"] == 200, message
            else:
                body = message["body"]

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 3000),
            "client": ("127.0.0.1", 40000),
            "scheme": "http",
            "method": "GET",
            "root_path": "",
            "path": path,
            "raw_path": path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "headers": headers,
            "state": {},
        }
        await app(scope, receive, send)
        return body

    return ask


async def _costs(cases: dict[str, Ask]) -> dict[str, float]:
    """Microseconds a call, the median of rounds that are taken in turns."""
    seen: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, ask in cases.items():
            began = thread_time()
            for _ in range(CALLS):
                await ask()
            seen[name].append((thread_time() - began) / CALLS * 1e6)
            await asyncio.sleep(0)
    return {name: statistics.median(costs) for name, costs in seen.items()}


async def write_document(store: RunStore) -> None:
    """A change that no list shows, as a sign-in or a session's use makes it."""
    await store.put_doc(DocWrite(collection="bench", key="k", body=b"", if_revision=ANY, now_ms=1))


async def write_event(store: RunStore) -> None:
    """A change of the newest run, which stands at the top of the list."""
    page = await store.list_runs(RunQuery(buckets=frozenset(Bucket), limit=1, now_ms=1))
    run = await store.get_run(page.hits[0].id)
    assert run is not None
    projection = replace(msgspec.json.decode(run.state, type=Projection), seq=run.seq + 1)
    event = EventRecord(seq=run.seq + 1, kind="bench", body=b"{}")
    await store.append(AppendBatch(run_id=run.id, expected_seq=run.seq, events=(event,), row=row_of(projection)))


async def _cost_after(write: Callable[[RunStore], Awaitable[None]], ask: Ask, store: RunStore) -> float:
    """Microseconds a call when every call finds the database changed; the writes are not counted."""
    seen = []
    for _ in range(ROUNDS):
        spent = 0.0
        for _ in range(CALLS // 10):
            await write(store)
            began = thread_time()
            await ask()
            spent += thread_time() - began
        seen.append(spent / (CALLS // 10) * 1e6)
    return statistics.median(seen)


async def _print_profile(ask: Ask) -> None:
    logging.getLogger("fabro.access").setLevel(logging.WARNING)
    with cProfile.Profile() as profiling:
        for _ in range(CALLS * 5):
            await ask()
    pstats.Stats(profiling).sort_stats("tottime").print_stats(35)


if __name__ == "__main__":
    main()
