"""Somebody else on the same data: a second instance in this process, or an instance in a process of its own.

What is asked of them are functions of modules that take a store, so that both can be asked the same.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from threading import Timer
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

import pytest

from fabro_core.config.secrets import child_environment
from fabro_core.store.base import RunStore
from fabro_core.testing.conformance import not_applicable
from fabro_core.testing.store import other_process
from fabro_core.testing.store.case import OpenStore, StoreCase
from fabro_core.testing.store.other_process import Answer, Job

ANSWER_SECONDS: Final = 60.0
"""What another process gets for one job, or to start and to open the store: it imports the author's modules."""

T = TypeVar("T")
P = ParamSpec("P")
Work = Callable[Concatenate[RunStore, P], Awaitable[T]]


class Elsewhere(Protocol):
    """Somebody else who has opened the data."""

    async def do(self, work: Work[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """What `work` returns there, a function of a module; `named` are none."""
        ...


class OtherInstance:
    """A second instance in this process."""

    def __init__(self, store: RunStore) -> None:
        self._store = store

    async def do(self, work: Work[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        return await work(self._store, *arguments, **named)


class OtherProcess:
    """A process that serves one test after the other: starting it takes longer than most of them."""

    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        # Not with -m, which would give the classes of the module another name there, and so their pickles.
        command = [sys.executable, "-c", f"from {other_process.__name__} import main; main()"]
        # The author's modules must be found there as they are here.
        environment = child_environment(PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=self._errors, env=environment)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        with suppress(BrokenPipeError):
            self._process.communicate()
        self._errors.close()

    @asynccontextmanager
    async def opened(self, opener: bytes) -> AsyncIterator[OtherProcess]:
        """The store that a pickled `OpenStore` opens, there, for the length of the context."""
        await self._asked(opener)
        try:
            yield self
        finally:
            if self.alive:
                await self._asked(pickle.dumps(None))

    async def do(self, work: Work[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        result: T = await self._asked(pickle.dumps(Job(work, (*arguments, *named.values()))))
        return result

    async def _asked(self, message: bytes) -> Any:
        # Not to be given up half-way: the answer that nobody reads would be taken for that to the next question.
        answer = await asyncio.shield(asyncio.to_thread(self._exchange, message))
        if answer.error is not None:
            pytest.fail(f"in another process: {answer.error}")
        return answer.result

    def _exchange(self, message: bytes) -> Answer:
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        deadline = Timer(ANSWER_SECONDS, self._process.kill)
        deadline.start()
        try:
            asked.write(message)
            asked.flush()
            answer: Answer = pickle.load(answers)
        except (EOFError, OSError):
            self._process.kill()
            self._process.wait()
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace")
            return Answer(error=f"it has ended, or not answered within {ANSWER_SECONDS:g} s\n{said}")
        finally:
            deadline.cancel()
        return answer


_PROCESS: Final = pytest.StashKey[OtherProcess]()


def process_for(config: pytest.Config) -> OtherProcess:
    """The other process of this run of pytest, which ends with it."""
    known = config.stash.get(_PROCESS, None)
    if known is None or not known.alive:
        known = config.stash[_PROCESS] = OtherProcess()
        config.add_cleanup(known.close)
    return known


def pickled(open_elsewhere: OpenStore) -> bytes:
    """The factory, for another process. Fails the test when it cannot be pickled."""
    try:
        return pickle.dumps(open_elsewhere)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        pytest.fail(
            "another process must be able to open the store: return from open_store (or from open_elsewhere) something "
            "that can be pickled, such as functools.partial(function_of_a_module, path), not a lambda or a closure "
            f"({error})"
        )


class ElsewhereCase(StoreCase):
    """Base of those classes of the kit whose tests need somebody else; each of them runs with either."""

    @pytest.fixture(params=["instance", "process"])
    async def elsewhere(
        self,
        request: pytest.FixtureRequest,
        store: RunStore,
        open_store: OpenStore,
        open_elsewhere: OpenStore,
        anyio_backend: str,
    ) -> AsyncIterator[Elsewhere]:
        """Somebody else on the data of `store`: another instance, another process."""
        if not store.info().shared:
            not_applicable("info().shared is false")
        if request.param == "instance":
            async with open_store() as other:
                yield OtherInstance(other)
        else:
            async with process_for(request.config).opened(pickled(open_elsewhere)) as process:
                yield process
