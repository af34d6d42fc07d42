"""Followers of one run on one process, as a ratio of bare ASGI applications that send the same frames to as many.

All servers run at the same time with their followers connected and are loaded in turns. The time of a delivery is the
processor's, user and system, of the server's process: it says what a follower costs whatever else the machine does.
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.files import allow_many_files
from benchmarks.servers import cpu_seconds

KINDS = {
    "fabro": "fabro, SQLite",
    "paced": "bare ASGI, everything since the cursor, every 20 ms",
    "bare": "bare ASGI, one `send` an event",
}
RATES = (50, 200)
"""Events a second."""
SAMPLED = 25
"""Of so many followers one has its events looked at one by one, some of the first to connect and some of the last."""
CONNECTING_AT_ONCE = 50

_EVENT = re.compile(rb'"seq":(\d+),.*?"made_ns":(\d+)')
_MARK = b'data: {"seq":'


class Follower(asyncio.Protocol):
    """Counts events; remembers when each came if it is sampled."""

    def __init__(self, *, sampled: bool) -> None:
        self.events = 0
        self.latencies_ms: list[float] = []
        self.seqs: list[int] = []
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sampled = sampled
        self._tail = b""

    def data_received(self, data: bytes) -> None:
        if not self.begun.done():
            if not data.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"a stream was refused: {data[:300]!r}")
            self.begun.set_result(None)
        known = len(self._tail)
        data = self._tail + data
        self.events += data.count(_MARK)
        if self._sampled:
            self._look_at(data)
            return
        # No whole mark is in the tail, so none is counted twice.
        self._tail = data[-len(_MARK) + 1 :] if len(data) > known else data

    def _look_at(self, data: bytes) -> None:
        now = time.monotonic_ns()
        whole = data.rfind(b"\n\n") + 2 if b"\n\n" in data else 0
        self.events -= data.count(_MARK, whole)
        for seq, made_ns in _EVENT.findall(data[:whole]):
            self.seqs.append(int(seq))
            self.latencies_ms.append((now - int(made_ns)) / 1e6)
        self._tail = data[whole:]


@dataclass(frozen=True)
class Result:
    deliveries_per_second: float
    cpu_us: float
    """A delivery."""
    p50_ms: float
    p99_ms: float


class Server:
    """A process of `benchmarks.stream_servers` and its followers."""

    def __init__(self, kind: str, directory: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.stream_servers", kind, str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._address: dict[str, Any] = json.loads(self._read_line())
        self._followers: list[Follower] = []
        self._transports: list[asyncio.BaseTransport] = []

    async def connect(self, count: int) -> None:
        for first in range(0, count, CONNECTING_AT_ONCE):
            await asyncio.gather(*(self._connect(n % SAMPLED == 0) for n in range(first, first + CONNECTING_AT_ONCE)))

    async def _connect(self, sampled: bool) -> None:
        loop = asyncio.get_running_loop()
        port, path, token = (self._address[name] for name in ("port", "path", "token"))
        transport, follower = await loop.create_connection(lambda: Follower(sampled=sampled), "127.0.0.1", port)
        head = f"GET {path} HTTP/1.1\r\nHost: benchmark\r\nAuthorization: Bearer {token}\r\n\r\n"
        transport.write(head.encode())
        await follower.begun
        self._transports.append(transport)
        self._followers.append(follower)

    async def load(self, count: int, rate: int) -> Result:
        """Append `count` events, `rate` a second, and wait until every follower has them all."""
        before = {follower: follower.events for follower in self._followers}
        for follower in self._followers:
            follower.latencies_ms, follower.seqs = [], []
        cpu, began = cpu_seconds(self._process.pid), time.perf_counter()
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count} {rate}\n")
        self._process.stdin.flush()
        await asyncio.to_thread(self._read_line)
        give_up_at = time.perf_counter() + 60
        while any(follower.events < events + count for follower, events in before.items()):
            if time.perf_counter() > give_up_at:
                raise RuntimeError("events were lost")
            await asyncio.sleep(0.005)
        seconds, cpu = time.perf_counter() - began, cpu_seconds(self._process.pid) - cpu
        sampled = [each for each in self._followers if each.seqs]
        if any(each.seqs != list(range(each.seqs[0], each.seqs[0] + count)) for each in sampled):
            raise RuntimeError("events came twice or out of order")
        latencies = statistics.quantiles([ms for each in sampled for ms in each.latencies_ms], n=100)
        deliveries = count * len(self._followers)
        return Result(deliveries / seconds, cpu / deliveries * 1e6, latencies[49], latencies[98])

    @property
    def resident_mib(self) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def close(self) -> None:
        for transport in self._transports:
            transport.close()
        self._process.kill()
        self._process.communicate()

    def _read_line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a server has ended")
        return line


def measure(work: Path, *, followers: int, seconds: float, rounds: int) -> Iterator[str]:
    """The rows of a Markdown table."""
    allow_many_files()
    yield "| events/s | | deliveries/s | CPU µs/delivery | p50 ms | p99 ms | CPU of it / CPU of fabro |"
    yield "|---|---|---|---|---|---|---|"
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        servers = {kind: Server(kind, work / kind) for kind in KINDS}
        try:
            empty = servers["fabro"].resident_mib
            for server in servers.values():
                runner.run(server.connect(followers))
            connected = servers["fabro"].resident_mib
            for rate in RATES:
                yield from _rows(runner, servers, rate, max(1, int(rate * seconds)), rounds)
            loaded = servers["fabro"].resident_mib
        finally:
            for server in servers.values():
                server.close()
    yield ""
    yield f"Memory of fabro: {empty:.0f} MiB, with {followers} followers {connected:.0f}, after the load {loaded:.0f}."


def _rows(runner: asyncio.Runner, servers: dict[str, Server], rate: int, count: int, rounds: int) -> Iterator[str]:
    results: dict[str, list[Result]] = {kind: [] for kind in servers}
    for _ in range(rounds):
        for kind, server in servers.items():
            results[kind].append(runner.run(server.load(count, rate)))
    ours = statistics.median(result.cpu_us for result in results["fabro"])
    for kind, seen in results.items():
        reached, cpu, p50, p99 = (
            statistics.median(getattr(result, name) for result in seen)
            for name in ("deliveries_per_second", "cpu_us", "p50_ms", "p99_ms")
        )
        yield f"| {rate} | {KINDS[kind]} | {reached:,.0f} | {cpu:.2f} | {p50:.1f} | {p99:.1f} | **{cpu / ours:.2f}** |"
