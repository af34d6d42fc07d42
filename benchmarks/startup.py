"""How long a server takes from its start to its first answer, and what it holds in memory then.

python -m benchmarks.startup

The reference is a bare Litestar application under the same ASGI server: what importing and starting those costs, nobody
who uses them can save. Modules are compiled before the first round is counted.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from time import perf_counter

from benchmarks.list_runs import fetch
from benchmarks.servers import Address, fabro, memory_megabytes, reference

ROUNDS = 7

Starting = Callable[[Path], AbstractContextManager[Address]]


def measure(work: Path, *, rounds: int) -> Iterator[str]:
    """The rows of a Markdown table; seconds are medians."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # it would have every start compile everything
    body = work / "body.json"
    body.write_bytes(b"{}")
    servers: dict[str, Starting] = {
        "reference": lambda home: reference("litestar-get", body),
        "memory store": lambda home: fabro(home, None, log_level="info"),
        "SQLite": lambda home: fabro(home, home / "fabro.db", log_level="info"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in servers}
    megabytes: dict[str, float] = {}
    for number in range(rounds + 1):
        for name, starting in servers.items():
            home = work / f"{name}-{number}"
            home.mkdir()
            began = perf_counter()
            with starting(home) as server:
                fetch(server, "/api/v1/runs")
                seconds[name].append(perf_counter() - began)
                megabytes[name] = memory_megabytes(server.pid)
    medians = {name: statistics.median(each[1:]) for name, each in seconds.items()}
    yield "| | start to first answer, s | of the reference | memory, MB |"
    yield "|---|---:|---:|---:|"
    for name, median in medians.items():
        yield f"| {name} | {median:.2f} | **{median / medians['reference']:.2f}** | {megabytes[name]:.0f} |"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="fabro-bench-") as work:
        for line in measure(Path(work), rounds=ROUNDS):
            print(line, flush=True)
