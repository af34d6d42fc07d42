"""Actors with a model of what they were told: a lane writes to runs of its own and knows exactly what lists of them
show; its followers collect what the streams of these runs carry."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.api.conftest import manifest
from tests.races.work import NOTE, RUNNING
from tests.runs.samples import SAMPLES
from tests.soak.caller import SETTLE_SECONDS, Caller
from tests.streams.client import KEEP_ALIVE, parsed

LIVE_RUNS = 4
"""Of a lane, at a time."""


@dataclass
class Run:
    """What a lane knows of one of its runs."""

    id: str
    title: str
    status: str = "submitted"
    acknowledged: dict[str, int] = field(default_factory=dict)
    """Ids of events by the sequence numbers that were given."""
    seen: list[tuple[int, str]] = field(default_factory=list)
    """What its stream has carried: numbers and data."""
    answered: list[str] = field(default_factory=list)


class Lane:
    """Children of one run, written to by one actor; others only read them."""

    def __init__(self, caller: Caller, number: int, chance: random.Random) -> None:
        self._caller = caller
        self._name = f"lane {number}"
        self._chance = chance
        self._parent = ""
        self.runs: list[Run] = []
        self.followers: list[asyncio.Task[None]] = []
        self._questions = 0

    async def work(self, until: asyncio.Event) -> None:
        """Work until told to stop; then bring every run to its end."""
        self._parent = (await self._created(f"{self._name} parent", {})).id
        while not until.is_set():
            live = [run for run in self.runs if run.status == "running"]
            if len(live) < LIVE_RUNS:
                await self._begin()
            elif self._chance.random() < 0.03:
                await self._end(self._chance.choice(live))
            elif self._chance.random() < 0.15:
                await self._ask_and_answer(self._chance.choice(live))
            elif self._chance.random() < 0.25:
                await self.check_list()
            else:
                await append(self._caller, self._chance.choice(live), NOTE)
        for run in self.runs:
            if run.status == "running":
                await self._end(run)

    # -- writing ------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        run = await self._created(f"{self._name} run {len(self.runs)}", {"parent_id": self._parent})
        self.runs.append(run)
        self.followers.append(asyncio.create_task(follow(self._caller, run)))
        for name in RUNNING:
            await append(self._caller, run, name)
        run.status = "running"

    async def _end(self, run: Run) -> None:
        await append(self._caller, run, "run.completed")
        run.status = "succeeded"

    async def _created(self, title: str, more: dict[str, Any]) -> Run:
        body = {**manifest(), "title": title, **more}

        async def look() -> str | None:
            query = {"include_archived": "true", "page[limit]": "100", **({"parent_id": self._parent} if more else {})}
            listed = (await self._caller.read("GET", "/api/v1/runs", params=query)).json()["data"]
            ids = [run["id"] for run in listed if run["title"] == title]
            assert len(ids) < 2, f"{title} exists twice"
            return ids[0] if ids else None

        told = await self._caller.write(lambda: self._caller.once("POST", "/api/v1/runs", json=body), look)
        if isinstance(told, str):
            return Run(told, title)
        assert told.status_code == 201, told.text
        return Run(told.json()["id"], title)

    async def _ask_and_answer(self, run: Run) -> None:
        self._questions += 1
        question = f"q-{self._questions}"
        await append(self._caller, run, "interview.started", question_id=question, question_type="yes_no")
        await append(self._caller, run, "run.blocked")
        path = f"/api/v1/runs/{run.id}/questions/{question}/answer"
        answers = await asyncio.gather(*(self._caller.once("POST", path, json={"kind": "yes"}) for _ in range(3)))
        known = [answer.status_code for answer in answers if answer is not None]
        assert set(known) <= {204, 409}, known
        assert known.count(204) <= 1, "a question is answered once"
        if None in answers:
            await asyncio.sleep(SETTLE_SECONDS)
            while (await self._caller.read("POST", path, json={"kind": "yes"})).status_code != 409:
                continue
        else:
            assert known.count(204) == 1, known
        run.answered.append(question)
        self._caller.counts["answers"] += 1

    # -- reading ------------------------------------------------------------------------------------------------

    async def check_list(self) -> None:
        """The list of the lane is exactly what the lane knows, wherever it is asked for."""
        sort, descending = self._chance.choice(["title", "created_at"]), self._chance.random() < 0.5
        query = {
            "parent_id": self._parent,
            "sort": sort,
            "direction": "desc" if descending else "asc",
            "page[limit]": "100",
        }
        page = (await self._caller.read("GET", "/api/v1/runs", params=query)).json()
        expected = sorted(self.runs, key=lambda run: run.id, reverse=True)
        expected.sort(key=lambda run: run.title if sort == "title" else run.id[:10], reverse=descending)
        assert page["meta"]["total"] == len(self.runs), (page["meta"], len(self.runs))
        listed = [(run["id"], run["title"], run["lifecycle"]["status"]["kind"]) for run in page["data"]]
        assert listed == [(run.id, run.title, run.status) for run in expected[:100]]
        self._caller.counts["lists"] += 1

    # -- the end ------------------------------------------------------------------------------------------------

    async def verify(self) -> None:
        """Everything that was acknowledged is there once, in order, and every stream has carried it all."""
        await self.check_list()
        for run in self.runs:
            log = await log_of(self._caller, run.id)
            assert [event["seq"] for event in log] == list(range(1, len(log) + 1)), "the log is dense"
            by_id = {event["id"]: event["seq"] for event in log if event["id"] in run.acknowledged}
            assert by_id == run.acknowledged, f"{run.title}: what was acknowledged is there, under its number"
            ids = [event["id"] for event in log]
            assert len(set(ids)) == len(ids), f"{run.title}: nothing is there twice"
            completed = [event["properties"]["question_id"] for event in log if event["event"] == "interview.completed"]
            assert completed == run.answered, f"{run.title}: every question has one answer"
            assert [seq for seq, _ in run.seen] == [event["seq"] for event in log], f"{run.title}: a complete stream"
            assert [json.loads(data) for _, data in run.seen] == log


async def log_of(caller: Caller, run_id: str) -> list[dict[str, Any]]:
    """Every event of a run, oldest first."""
    events: list[dict[str, Any]] = []
    while True:
        query = {"since_seq": len(events) + 1, "limit": 1000}
        page = (await caller.read("GET", f"/api/v1/runs/{run_id}/events", params=query)).json()
        events += page["data"]
        if not page["meta"]["has_more"]:
            return events


async def append(caller: Caller, run: Run, name: str, **properties: Any) -> None:
    """Append an event, once, whatever becomes of the requests."""
    id_ = f"{name} {len(run.acknowledged)}"
    body = {
        "id": id_,
        "ts": "2026-03-02T10:15:30Z",
        "run_id": run.id,
        "event": name,
        "properties": {**SAMPLES.get(name, {}), **properties},
    }

    async def look() -> int | None:
        found = [event["seq"] for event in await log_of(caller, run.id) if event["id"] == id_]
        assert len(found) < 2, f"{id_} of {run.title} is in the log twice"
        return found[0] if found else None

    path = f"/api/v1/runs/{run.id}/events"
    told = await caller.write(lambda: caller.once("POST", path, json=body), look)
    if isinstance(told, httpx.Response):
        assert told.status_code == 200, told.text
        told = told.json()["seq"]
    assert told not in run.acknowledged.values(), "a sequence number is given once"
    run.acknowledged[id_] = told
    caller.counts["appends"] += 1


async def follow(caller: Caller, run: Run) -> None:
    """Everything that the run's stream carries, over as many connections as it takes."""
    while not run.seen or '"event":"run.completed"' not in run.seen[-1][1]:
        after = str(run.seen[-1][0] if run.seen else 0)
        try:
            async with caller.stream(f"/api/v1/runs/{run.id}/attach", **{"Last-Event-ID": after}) as stream:
                if stream.status_code == 503:
                    caller.counts["streams 503"] += 1
                    await asyncio.sleep(SETTLE_SECONDS)
                    continue
                assert stream.status_code == 200, await stream.aread()
                lines: list[str] = []
                async for line in stream.aiter_lines():
                    if line:
                        lines.append(line)
                        continue
                    block, lines = "\n".join(lines), []
                    if block != KEEP_ALIVE:
                        frame = parsed(block)
                        run.seen.append((frame.id, frame.data))
        except httpx.TransportError:
            caller.counts["streams broken"] += 1
            await asyncio.sleep(0.1)
