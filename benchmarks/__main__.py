"""Run every benchmark and print its table: `python -m benchmarks [--smoke]`."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from benchmarks import append_events, appends, authenticate, create_runs, large_manifests, list_runs, startup, streams
from benchmarks.seed import seed
from fabro_store_sqlite import SqliteRunStore

DATA = Path(__file__).parent / "data"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="small and quick: see that they work")
    parser.add_argument("--runs", type=int, default=100_000, help="runs in the store")
    arguments = parser.parse_args()
    runs, seconds, rounds = (500, 0.5, 1) if arguments.smoke else (arguments.runs, 3.0, 5)
    database = DATA / f"runs-{runs}.db"
    if not database.exists():
        print(f"seeding {runs:,} runs into {database}")
        database.parent.mkdir(exist_ok=True)
        asyncio.run(seed(SqliteRunStore(database), runs))
    calls, repeats = (50, 1) if arguments.smoke else (2_000, 15)
    print("\n## Authentication, added to a request\n")
    with tempfile.TemporaryDirectory(prefix="fabro-bench-") as work:
        for line in authenticate.measure(Path(work), calls=calls, rounds=repeats):
            print(line, flush=True)
    print(f"\n## Lists, {runs:,} runs in SQLite, {list_runs.CONNECTIONS} connections\n")
    with tempfile.TemporaryDirectory(prefix="fabro-bench-") as work:
        for line in list_runs.measure(database, Path(work), seconds=seconds, rounds=rounds):
            print(line, flush=True)
    print("\n## Creating runs, durable\n")
    with tempfile.TemporaryDirectory(prefix="fabro-bench-") as work:
        for line in create_runs.measure(Path(work), seconds=seconds, rounds=rounds):
            print(line, flush=True)
    print("\n## What others notice of large manifests\n")
    with tempfile.TemporaryDirectory(prefix="fabro-bench-") as work:
        for line in large_manifests.measure(Path(work), seconds=3 * seconds):
            print(line, flush=True)
    print("\n## Appending events, durable\n")
    with tempfile.TemporaryDirectory(prefix="fabro-bench-") as work:
        for line in append_events.measure(Path(work), seconds=seconds, rounds=rounds):
            print(line, flush=True)
    print("\n## Appends of the stores, without HTTP\n")
    with tempfile.TemporaryDirectory(prefix="fabro-bench-") as work:
        for line in appends.measure(Path(work), seconds=seconds, rounds=rounds):
            print(line, flush=True)
    print("\n## Starting\n")
    with tempfile.TemporaryDirectory(prefix="fabro-bench-") as work:
        for line in startup.measure(Path(work), rounds=rounds):
            print(line, flush=True)
    followers = 50 if arguments.smoke else 1_000
    print(f"\n## Event streams, {followers:,} followers of one run\n")
    with tempfile.TemporaryDirectory(prefix="fabro-bench-") as work:
        for line in streams.measure(Path(work), followers=followers, seconds=seconds, rounds=rounds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
