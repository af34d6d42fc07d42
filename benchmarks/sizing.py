"""What a request costs a server process and its Redis: the figures by which many servers are sized.

    python -m benchmarks.sizing [--runs 10000] [--seconds 3]

Over HTTP, 32 connections, default settings with the access log, on a Valkey that flushes every write. Where the load
generator shares the cores, the processor's time of a request says more than the rate.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.append_events import CASES, requests_of
from benchmarks.list_runs import CASES as LISTS
from benchmarks.load import generate_each, http_request
from benchmarks.seed import seed
from benchmarks.servers import Address, cpu_seconds, fabro_on_redis
from fabro_store_redis import RedisRunStore, RedisSettings
from tests.plugins.store_redis.valkey import DURABLE, Valkey, running

CONNECTIONS: Final = 32


def main() -> None:
    parser = argparse.ArgumentParser(description="Costs of requests on Redis.")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fabro-bench-") as work:
        place = Path(work) / "valkey"
        place.mkdir()
        with running(place, *DURABLE) as valkey:
            asyncio.run(seed(RedisRunStore(RedisSettings(url=valkey.url)), options.runs))
            with fabro_on_redis(Path(work) / "home", valkey.url, log_level="info") as server:
                report(server, valkey, options.seconds)


def report(server: Address, valkey: Valkey, seconds: float) -> None:
    """The table."""
    several = next(case for case in CASES if case.runs > 1)
    reads = {"who am I (no store)": "/api/v1/user", **{case.name: case.path for case in LISTS}}
    requests = {
        **{name: [http_request("GET", path, token=server.token)] * CONNECTIONS for name, path in reads.items()},
        "append to a run, 32 runs": requests_of(server, several),
    }
    print("| | requests/s | p50 ms | p99 ms | CPU of the server, us | CPU of Redis, us |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, each in requests.items():
        before = (cpu_seconds(server.pid), cpu_seconds(valkey.pid))
        result = generate_each(server.host, server.port, each, seconds=seconds)
        if result.failures:
            raise RuntimeError(f"{result.failures} requests failed")
        spent = (cpu_seconds(server.pid) - before[0], cpu_seconds(valkey.pid) - before[1])
        ours, theirs = (seconds_spent / result.requests * 1e6 for seconds_spent in spent)
        print(
            f"| {name} | {result.per_second:,.0f} | {result.percentile(50):.1f} | {result.percentile(99):.1f} "
            f"| {ours:,.0f} | {theirs:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
