"""A run's log as its worker sees it: appends that are not lost or doubled, and a stream that does not end early.

It knows how to speak to the server, and nothing of graphs and commands: a worker of another kind can use it as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx

Json = dict[str, Any]

STREAM_SILENCE_SECONDS = 45
"""The server says something every 15 seconds: after three times that, the connection is dead."""

ENDS = {"run.completed", "run.failed", "run.removing"}
"""The events after which there is nothing left to do."""


class Stopped(Exception):
    """The work must not go on: `reason` is what the run fails with, or None when it is no longer this worker's."""

    def __init__(self, reason: str | None, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def back_off() -> Iterator[float]:
    """Seconds to wait before each further attempt, without an end: a server may be away for an hour."""
    return itertools.chain((0.05, 0.1, 0.25, 0.5, 1, 2), itertools.repeat(5))


class RunLog:
    """A run's log: this worker's events go in, everybody's come out, in one order."""

    def __init__(self, http: httpx.AsyncClient, run_id: str) -> None:
        self._http, self._run_id, self._path = http, run_id, f"/api/v1/runs/{run_id}"
        self._posted = 0  # seq of this worker's newest event
        self._seen = 0  # seq of the newest event that was read
        self._news = asyncio.Event()
        self.stopped: asyncio.Future[Stopped] = asyncio.get_running_loop().create_future()
        self.taken_at: int | None = None  # seq of the first `run.starting`
        self.answers: dict[str, Json] = {}  # `interview.completed` by question
        self.control: str | None = None
        self.paused = False

    async def state(self) -> Json:
        """The run as it is. The sequence number is read first: what changes afterwards comes through `follow`."""
        newest = await self._get("/events", order="desc", limit=1)
        self._seen = self._posted = newest["data"][0]["seq"]
        state = await self._get("/state")
        self.control = state["pending_control"]
        return state

    async def follow(self) -> None:
        """Read the log as it grows, across interruptions of any length, until the run is over."""
        delays = back_off()
        cursor: Json = {"params": {"since_seq": self._seen + 1}}
        timeout = httpx.Timeout(10, read=STREAM_SILENCE_SECONDS)
        while True:
            with contextlib.suppress(httpx.TransportError):
                async with self._http.stream("GET", f"{self._path}/attach", timeout=timeout, **cursor) as stream:
                    if 400 <= stream.status_code < 500:
                        self.stop(None, f"the run cannot be followed any more ({stream.status_code})")
                        return
                    async for line in stream.aiter_lines():
                        if line.startswith("data:"):
                            event = json.loads(line.removeprefix("data:"))
                            self._read(event)
                            if event["event"] in ENDS:
                                return
                            cursor = {"headers": {"Last-Event-ID": str(self._seen)}}
                            delays = back_off()
            await asyncio.sleep(next(delays))

    def _read(self, event: Json) -> None:
        match event["event"]:
            case "run.starting":
                self.taken_at = self.taken_at or event["seq"]
            case "run.cancel.requested":
                self.stop("cancelled", "somebody cancelled the run")
            case "run.pause.requested" | "run.unpause.requested":
                self.control = event["properties"]["action"]
            case "run.paused" | "run.unpaused":
                self.paused, self.control = event["event"] == "run.paused", None
            case "interview.completed":
                self.answers[event["properties"]["question_id"]] = event
            case name if name in ENDS:
                self.stop(None, f"the log says {name}")
        self._seen = event["seq"]
        self._news.set()

    def stop(self, reason: str | None, message: str) -> None:
        """End the work, in the middle of a command too. The first reason counts."""
        if not self.stopped.done():
            self.stopped.set_result(Stopped(reason, message))
        self._news.set()

    async def until(self, said: Callable[[], object]) -> None:
        """Wait for what the log will say. Raises `Stopped` when it says that the work must end."""
        while not self.stopped.done() and not said():
            self._news.clear()
            await self._news.wait()
        self.raise_if_stopped()

    def raise_if_stopped(self) -> None:
        """Raise `Stopped` if the work must end."""
        if self.stopped.done():
            raise self.stopped.result()

    async def caught_up(self) -> None:
        """Wait until everything that happened before this worker's newest event has been read."""
        await self.until(lambda: self._seen >= self._posted)

    async def post(self, event: str, properties: Json | None = None, **scope: str) -> int:
        """Append one event, once, however often it has to be sent; gives its sequence number. Raises `Stopped`."""
        actor = {"kind": "worker", "run_id": self._run_id}
        named = {"id": str(uuid.uuid4()), "ts": datetime.now(UTC).isoformat(), "run_id": self._run_id, "event": event}
        body = {**named, **scope, "actor": actor, "properties": properties or {}}
        delays = back_off()
        while True:
            with contextlib.suppress(httpx.TransportError):
                reply = await self._http.post(f"{self._path}/events", json=body)
                if reply.status_code != 503:
                    self._posted = await self._appended(reply)
                    return self._posted
            await asyncio.sleep(next(delays))
            # The reply may have been lost, not the event: it is in the log then, after the one before.
            later = await self._get("/events", since_seq=self._posted + 1, limit=1000)
            for found in later["data"]:
                if found["id"] == body["id"]:
                    self._posted = found["seq"]
                    return self._posted

    async def _appended(self, reply: httpx.Response) -> int:
        if reply.status_code == 404:
            raise Stopped(None, "the run is gone")
        if reply.status_code == 409:
            status = (await self._get("/state"))["status"]["kind"]
            raise Stopped(None, f"the run is {status}: {reply.json()['errors'][0]['detail']}")
        seq: int = reply.raise_for_status().json()["seq"]
        return seq

    async def _get(self, path: str, **params: str | int) -> Json:
        delays = back_off()
        while True:
            with contextlib.suppress(httpx.TransportError):
                reply = await self._http.get(self._path + path, params=params)
                if reply.status_code == 404:
                    raise Stopped(None, "the run is gone")
                if reply.status_code != 503:
                    found: Json = reply.raise_for_status().json()
                    return found
            await asyncio.sleep(next(delays))
