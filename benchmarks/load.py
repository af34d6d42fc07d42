"""A load generator that is much faster than the servers it measures: keep-alive connections, one request in flight on
each, nothing parsed but the status line and the content length."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from time import perf_counter
from typing import cast

import uvloop


@dataclass(frozen=True)
class Result:
    """What one run of load saw."""

    requests: int
    seconds: float
    latencies_ms: Sequence[float]
    failures: int

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    def percentile(self, percent: int) -> float:
        """Latency in milliseconds that `percent` of the requests did not exceed."""
        ranked = sorted(self.latencies_ms)
        return ranked[math.ceil(len(ranked) * percent / 100) - 1]


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer is complete."""

    def __init__(self, requests: Iterator[bytes], stop_at: float, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._stop_at = stop_at
        self._done = done
        self._buffer = bytearray()
        self._expected = -1
        self.latencies: list[float] = []
        self.failures = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        request = next(self._requests)
        self._sent_at = perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._expected < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            self._expected = end + 4 + length
            if not head.startswith((b"http/1.1 200", b"http/1.1 201")):
                self.failures += 1
        if len(self._buffer) >= self._expected:
            self._complete()

    def _complete(self) -> None:
        now = perf_counter()
        self.latencies.append((now - self._sent_at) * 1000)
        self._buffer.clear()
        self._expected = -1
        if now < self._stop_at:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def _generate(host: str, port: int, connections: Sequence[Iterator[bytes]], seconds: float) -> Result:
    loop = asyncio.get_running_loop()
    began = perf_counter()
    clients = []
    for requests in connections:
        done: asyncio.Future[None] = loop.create_future()
        client = _Connection(requests, began + seconds, done)
        await loop.create_connection(lambda client=client: client, host, port)  # type: ignore[misc]
        clients.append((client, done))
    await asyncio.gather(*(done for _, done in clients))
    latencies = [latency for client, _ in clients for latency in client.latencies]
    return Result(len(latencies), perf_counter() - began, latencies, sum(client.failures for client, _ in clients))


def generate(host: str, port: int, request: bytes, *, connections: int, seconds: float) -> Result:
    """Send `request` over `connections` connections for `seconds` seconds."""
    return generate_each(host, port, [request] * connections, seconds=seconds)


def generate_each(host: str, port: int, requests: Sequence[bytes], *, seconds: float) -> Result:
    """Send each of `requests` over a connection of its own, again and again for `seconds` seconds."""
    return generate_from(host, port, [repeat(request) for request in requests], seconds=seconds)


def generate_from(host: str, port: int, connections: Sequence[Iterator[bytes]], *, seconds: float) -> Result:
    """Send what each of these iterators has, without end, over a connection of its own for `seconds` seconds."""
    return uvloop.run(_generate(host, port, connections, seconds))


def http_request(method: str, path: str, *, token: str | None = None, body: bytes = b"") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: benchmark", "Accept: application/json"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
