"""A process that opens a store and does with it what it is asked to, for `elsewhere`.

Pickles come over its standard input: an `OpenStore`, then jobs for the store that it opens, then None, which closes the
store; and so on until the input ends. Each is answered with a pickled `Answer`.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import IO, Any

from fabro_core.store.base import RunStore


@dataclass(frozen=True, slots=True)
class Job:
    """A function of a module, what it takes beside the store, and nothing that cannot be pickled."""

    work: Callable[..., Awaitable[Any]]
    arguments: tuple[Any, ...]

    async def done_with(self, store: RunStore) -> Any:
        return await self.work(store, *self.arguments)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a job has returned, or the error that it has raised instead, as text."""

    result: Any = None
    error: str | None = None


async def serve(asked: IO[bytes], answers: IO[bytes]) -> None:
    async def receive() -> Any:
        return await asyncio.to_thread(pickle.load, asked)

    def send(answer: Answer) -> None:
        pickle.dump(answer, answers)
        answers.flush()

    while True:
        try:
            open_store = await receive()
        except EOFError:
            return
        try:
            async with open_store() as store:
                send(Answer())
                while (job := await receive()) is not None:
                    send(await _answered(job, store))
        except EOFError:
            return
        except Exception:  # noqa: BLE001 - whatever it is, it belongs to the test that has asked
            send(Answer(error=traceback.format_exc()))
        else:
            send(Answer())


async def _answered(job: Job, store: RunStore) -> Answer:
    try:
        return Answer(await job.done_with(store))
    except Exception as error:  # noqa: BLE001 - see above
        return Answer(error=f"{error}\n{traceback.format_exc()}")


def main() -> None:
    # Nothing but answers goes to what was standard output: stores and drivers may print.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as to_the_kit:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        asyncio.run(serve(sys.stdin.buffer, to_the_kit))
