"""POST /runs/{id}/events, durable on SQLite, as a ratio of the same server on a forgetful store, and of SQLite alone.

The ratio to the forgetful store says what durability costs a request; beside that of the rates stands that of the
processor's time, which says so whatever else the machine does. The ratio to SQLite's own transactions, with the bytes
that the server stored for such an event, says what everything but the disk costs.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.create_runs import manifest
from benchmarks.load import Result, generate_each, http_request
from benchmarks.servers import Address, cpu_seconds, fabro, storeless
from fabro_store_sqlite.event_keys import MAX_SEQ


@dataclass(frozen=True)
class Case:
    name: str
    connections: int
    runs: int
    group: int
    """Of how many events a transaction of SQLite's own is to be, to be like ours at its best."""


CASES = (
    Case("1 worker", connections=1, runs=1, group=1),
    Case("32 workers, a run each", connections=32, runs=32, group=32),
    Case("32 workers on one run", connections=32, runs=1, group=1),
)


@dataclass(frozen=True)
class Stored:
    """What one append writes."""

    event: bytes
    tags: Sequence[str]
    run: bytes
    state: bytes


@dataclass(frozen=True)
class Load:
    """What a server did under load, and what a request cost it."""

    result: Result
    cpu_us: float


def measure(work: Path, *, seconds: float, rounds: int) -> Iterator[str]:
    """The rows of a Markdown table."""
    yield "| | SQLite events/s | p50 ms | p99 ms | without storage | ratio | CPU µs | ratio | SQLite alone | ratio |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    database = work / "durable.db"
    with ExitStack() as stack:
        durable = stack.enter_context(fabro(work / "durable", database, log_level="warning"))
        forgetful = stack.enter_context(storeless(work / "forgetful", log_level="warning"))
        for case in CASES:
            requests = {server: requests_of(server, case) for server in (durable, forgetful)}
            loads: dict[Address, list[Load]] = {server: [] for server in requests}
            raw = []
            for _ in range(rounds):
                for server, each in requests.items():
                    loads[server].append(_load(server, each, seconds))
                raw.append(transactions(work, _stored(database), case, seconds))
            yield _row(case, loads[durable], loads[forgetful], statistics.median(raw))


def _load(server: Address, requests: Sequence[bytes], seconds: float) -> Load:
    before = cpu_seconds(server.pid)
    result = generate_each(server.host, server.port, requests, seconds=seconds)
    if result.failures:
        raise RuntimeError(f"{result.failures} requests failed")
    return Load(result, cpu_us=(cpu_seconds(server.pid) - before) / result.requests * 1e6)


def _row(case: Case, durable: Sequence[Load], forgetful: Sequence[Load], raw: float) -> str:
    ours, limit = (statistics.median(load.result.per_second for load in seen) for seen in (durable, forgetful))
    our_cpu, least_cpu = (statistics.median(load.cpu_us for load in seen) for seen in (durable, forgetful))
    p50, p99 = (statistics.median(load.result.percentile(percent) for load in durable) for percent in (50, 99))
    return (
        f"| {case.name} | {ours:,.0f} | {p50:.2f} | {p99:.2f} | {limit:,.0f} | **{ours / limit:.2f}** "
        f"| {our_cpu:,.0f} | {least_cpu / our_cpu:.2f} | {raw:,.0f} | {ours / raw:.2f} |"
    )


def requests_of(server: Address, case: Case) -> list[bytes]:
    """What each connection sends: an event for one of the case's runs, which are new."""
    runs = [_create(server) for _ in range(case.runs)]
    return [
        http_request("POST", f"/api/v1/runs/{run}/events", token=server.token, body=_event(run))
        for run in (runs[number % case.runs] for number in range(case.connections))
    ]


def _create(server: Address) -> str:
    connection = HTTPConnection(server.host, server.port, timeout=10)
    with closing(connection):
        headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/runs", manifest(), headers)
        answer = connection.getresponse()
        body = answer.read()
    if answer.status != 201:
        raise RuntimeError(f"a run was refused: {answer.status} {body[:200]!r}")
    run: dict[str, str] = json.loads(body)
    return run["id"]


def _event(run_id: str) -> bytes:
    """What an agent tells in the midst of a stage: it is checked and tagged, and changes nothing that a list shows."""
    event = {
        "id": "019cae0f-d880-7c4b-9a53-0f2f6f0a7b11",
        "ts": "2026-03-02T10:20:00.250Z",
        "run_id": run_id,
        "event": "agent.warning",
        "node_id": "draft",
        "node_label": "Draft",
        "stage_id": "draft@1",
        "session_id": "session-1",
        "actor": {"kind": "worker", "run_id": run_id},
        "properties": {"visit": 1, "kind": "slow", "message": "x" * 200, "details": {"seconds": 12.5}},
    }
    return json.dumps(event).encode()


def _stored(database: Path) -> Stored:
    """What the newest append has left in the file of our server."""
    newest = f"SELECT event / {MAX_SEQ + 1}, body, tags FROM events ORDER BY change_no DESC LIMIT 1"
    with closing(sqlite3.connect(database)) as connection:
        run, event, tags = connection.execute(newest).fetchone()
        (body,) = connection.execute("SELECT body FROM runs WHERE run = ?", (run,)).fetchone()
        (state,) = connection.execute("SELECT state FROM states WHERE run = ?", (run,)).fetchone()
    return Stored(event=event, tags=json.loads(tags), run=body, state=state)


def transactions(work: Path, stored: Stored, case: Case, seconds: float) -> float:
    """Events a second with nothing but the driver: plain tables, as durable as ours, `case.group` a transaction."""
    with (
        tempfile.TemporaryDirectory(dir=work) as directory,
        closing(sqlite3.connect(Path(directory) / "raw.db", isolation_level=None)) as connection,
    ):
        connection.executescript(
            """
            PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
            CREATE TABLE runs (run INTEGER PRIMARY KEY, seq INTEGER, body BLOB, state BLOB);
            CREATE TABLE events (run INTEGER, seq INTEGER, body BLOB, PRIMARY KEY (run, seq)) WITHOUT ROWID;
            CREATE TABLE tags (run INTEGER, tag TEXT, seq INTEGER, PRIMARY KEY (run, tag, seq)) WITHOUT ROWID;
            """
        )
        for run in range(case.runs):
            connection.execute("INSERT INTO runs VALUES (?, 0, ?, ?)", (run, stored.run, stored.state))
        began = time.perf_counter()
        written = 0
        while (passed := time.perf_counter() - began) < seconds:
            connection.execute("BEGIN IMMEDIATE")
            for _ in range(case.group):
                run, seq = written % case.runs, written // case.runs + 1
                connection.execute("INSERT INTO events VALUES (?, ?, ?)", (run, seq, stored.event))
                for tag in stored.tags:
                    connection.execute("INSERT INTO tags VALUES (?, ?, ?)", (run, tag, seq))
                update = "UPDATE runs SET seq = ?, body = ?, state = ? WHERE run = ?"
                connection.execute(update, (seq, stored.run, stored.state, run))
                written += 1
            connection.execute("COMMIT")
    return written / passed
