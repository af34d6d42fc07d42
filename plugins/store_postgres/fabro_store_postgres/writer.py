"""Who writes runs in this process: everything that waits when the turn comes is written as one transaction.

One turn, and one flush to disk, serve the whole group, which is what makes durable appends fast. Each is decided before
anything is written, so a refused one leaves nothing behind and the rest of its group goes through.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from fabro_core.store import AppendBatch, StoreError, StoreUnavailable, Wakeup
from fabro_store_postgres.connections import Connections, Transaction, Turn
from fabro_store_postgres.faults import concerns_one_write
from fabro_store_postgres.hints import Hints
from fabro_store_postgres.run_writes import FIND, FORGET_EMPTY, WRITE, Group

GROUP_LIMIT: Final = 256

GROUP_BYTES: Final = 8 * 1024 * 1024
"""What the writes of a group have together, unless the first alone has more."""

WAITING_LIMIT: Final = 10_000
"""Writes that wait: with more the server has stood still for too long."""

DELETION_SECONDS: Final = 60
"""What a deletion may take: the log of a run may be long, and goes as a whole."""


class _Job:
    """A write of one run, and who waits for it."""

    def __init__(self, run_id: str, size: int, decide: Callable[[Group], Any], answer: asyncio.Future[Any]) -> None:
        self.run_id = run_id
        self.size = size
        self.answer = answer
        self._decide = decide
        self._outcome: Any = None
        self._refusal: StoreError | None = None

    def decide(self, group: Group) -> None:
        self._refusal = None
        try:
            self._outcome = self._decide(group)
        except StoreError as refusal:
            self._refusal = refusal

    def settle(self) -> None:
        # The caller may have been cancelled meanwhile; what it asked for is done or refused all the same.
        if self._refusal is not None:
            self.fail(self._refusal)
        elif not self.answer.done():
            self.answer.set_result(self._outcome)

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Writer:
    """Takes writes of runs on the event loop and answers them after their commit."""

    def __init__(self, connections: Connections, hints: Hints, timeout_seconds: float) -> None:
        self._connections = connections
        self._hints = hints
        self._timeout_seconds = timeout_seconds
        self._waiting: deque[_Job] = deque()
        self._working: asyncio.Task[None] | None = None
        self._closed = False

    async def append(self, batch: AppendBatch) -> int:
        """The last sequence number of the batch, once it is committed. Raises `SeqConflict`, `StoreUnavailable`."""
        seq: int = await self._done(batch.run_id, _size(batch), lambda group: group.append(batch))
        return seq

    async def delete(self, run_id: str) -> bool:
        """Whether there was such a run, once it is gone. Raises `StoreUnavailable`."""
        found: bool = await self._done(run_id, 0, lambda group: group.delete(run_id))
        return found

    async def close(self) -> None:
        """Finish what was accepted, or give it up when the server does not answer in time."""
        self._closed = True
        if self._working is not None:
            await asyncio.wait([self._working], timeout=self._timeout_seconds)
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)
        for job in self._waiting:
            job.fail(StoreUnavailable("The store is not open."))

    async def _done(self, run_id: str, size: int, decide: Callable[[Group], Any]) -> Any:
        if self._closed:
            raise StoreUnavailable("The store is not open.")
        if len(self._waiting) >= WAITING_LIMIT:
            raise StoreUnavailable("The PostgreSQL server has finished nothing for too long.")
        job = _Job(run_id, size, decide, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        if self._working is None:
            self._working = asyncio.create_task(self._work(), name="fabro postgres writer")
        return await job.answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                group = self._next_group()
                if group:
                    await self._write(group)
        finally:
            self._working = None

    def _next_group(self) -> list[_Job]:
        """What is written together: of each run one write, in the order in which they came."""
        group: list[_Job] = []
        later: list[_Job] = []
        runs: set[str] = set()
        size = 0
        while self._waiting and len(group) < GROUP_LIMIT:
            job = self._waiting[0]
            if group and size + job.size > GROUP_BYTES:
                break
            self._waiting.popleft()
            if job.answer.done():
                continue  # nobody waits any more
            if job.run_id in runs:
                later.append(job)
                continue
            runs.add(job.run_id)
            size += job.size
            group.append(job)
        self._waiting.extendleft(reversed(later))
        return group

    async def _write(self, jobs: Sequence[_Job]) -> None:
        try:
            wakeups = await self._commit(jobs)
        except StoreError as error:
            if len(jobs) > 1 and concerns_one_write(error.__cause__):
                for job in jobs:
                    await self._write([job])
                return
            for job in jobs:
                job.fail(error)
        except BaseException as fault:  # whatever went wrong, everybody who waits must get an answer
            closed = isinstance(fault, asyncio.CancelledError)
            for job in jobs:
                job.fail(StoreUnavailable("The store is not open.") if closed else fault)
            if not isinstance(fault, Exception):
                raise
        else:
            for job in jobs:  # first: who asked goes on before those who are told of it
                job.settle()
            self._hints.announce(wakeups)

    async def _commit(self, jobs: Sequence[_Job]) -> Sequence[Wakeup]:
        async with self._connections.transaction(Turn.RUNS) as transaction:
            group = Group(await transaction.rows(FIND, {"ids": [job.run_id for job in jobs]}))
            for job in jobs:
                job.decide(group)
            if not group.is_empty:
                await self._carry_out(transaction, group)
        return group.wakeups

    async def _carry_out(self, transaction: Transaction, group: Group) -> None:
        if group.removes:
            await transaction.lengthen(DELETION_SECONDS)
        await transaction.rows(WRITE, group.binds(self._hints.channel, self._hints.lines(group.wakeups)))
        if group.emptied:
            await transaction.rows(FORGET_EMPTY, {"scopes": group.emptied})


def _size(batch: AppendBatch) -> int:
    bodies = sum(len(event.body) for event in batch.events) + sum(len(blob.body) for blob in batch.blobs)
    return bodies + len(batch.row.body) + len(batch.row.state)
