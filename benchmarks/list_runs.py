"""GET /runs over HTTP with a token on SQLite, as a ratio of a bare Litestar handler that answers the same bytes.

All servers run at the same time and are loaded in turns, so that whatever the machine does meanwhile meets each. Where
others use the machine as well, the time that the processor spends on a request says more than the rate.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.load import Result, generate, http_request
from benchmarks.servers import Address, cpu_seconds, fabro, reference

CONNECTIONS = 32


@dataclass(frozen=True)
class Case:
    name: str
    path: str


CASES = (
    Case("list of 20", "/api/v1/runs"),
    Case("list of 100", "/api/v1/runs?page[limit]=100"),
    Case("list of 20 by title", "/api/v1/runs?sort=title&direction=asc"),
    Case("list of 20, failed and archived", "/api/v1/runs?status=failed&status=archived"),
)


def measure(database: Path, work: Path, *, seconds: float, rounds: int) -> Iterator[str]:
    """The rows of a Markdown table."""
    yield "| | fabro req/s | p50 ms | p99 ms | ratio | without access log | CPU us | ratio | without access log |"
    yield "|---|---|---|---|---|---|---|---|---|"
    with ExitStack() as stack:
        logging = stack.enter_context(fabro(work / "logging", database, log_level="info"))
        silent = stack.enter_context(fabro(work / "silent", database, log_level="warning"))
        for case in CASES:
            body = work / "body.json"
            body.write_bytes(fetch(logging, case.path))
            with reference("litestar-get", body) as limit:
                yield _row(case, [logging, silent, limit], seconds, rounds)


def _row(case: Case, servers: list[Address], seconds: float, rounds: int) -> str:
    results: list[list[Result]] = [[] for _ in servers]
    costs: list[list[float]] = [[] for _ in servers]
    for _ in range(rounds):
        for seen, spent, server in zip(results, costs, servers, strict=True):
            path = case.path if server.token else "/api/v1/runs"
            request = http_request("GET", path, token=server.token)
            before = cpu_seconds(server.pid)
            result = generate(server.host, server.port, request, connections=CONNECTIONS, seconds=seconds)
            if result.failures:
                raise RuntimeError(f"{case.name}: {result.failures} requests failed")
            seen.append(result)
            spent.append((cpu_seconds(server.pid) - before) / result.requests * 1e6)
    logging, silent, limit = (statistics.median(result.per_second for result in seen) for seen in results)
    logging_cpu, silent_cpu, limit_cpu = (statistics.median(spent) for spent in costs)
    p50, p99 = (statistics.median(result.percentile(percent) for result in results[0]) for percent in (50, 99))
    return (
        f"| {case.name} | {logging:,.0f} | {p50:.2f} | {p99:.2f} | **{logging / limit:.2f}** | {silent / limit:.2f} "
        f"| {logging_cpu:.0f} | **{limit_cpu / logging_cpu:.2f}** | {limit_cpu / silent_cpu:.2f} |"
    )


def fetch(server: Address, path: str) -> bytes:
    """The body of an answer, which is a 200."""
    connection = HTTPConnection(server.host, server.port, timeout=10)
    connection.request("GET", path, headers={"Authorization": f"Bearer {server.token}"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
    return body
