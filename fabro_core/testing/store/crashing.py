"""Real processes: what a durable store has acknowledged survives a kill, and processes share what is shared."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from threading import Timer
from typing import IO, Final

import pytest

from fabro_core.config.secrets import child_environment
from fabro_core.store.base import RunStore
from fabro_core.store.records import DocRef
from fabro_core.testing.conformance import not_applicable
from fabro_core.testing.store import writer_process
from fabro_core.testing.store.case import (
    FIRST_MS,
    NOW_MS,
    OpenStore,
    StoreCase,
    batch,
    blob,
    list_all,
    log_of,
    row,
    run_id,
)
from fabro_core.testing.store.elsewhere import pickled
from fabro_core.testing.store.writer_process import BLOB, DOC, GONE, LATE, RUN, blob_of, removed_run

RUNS: Final = 16
"""How many runs a process appends to at the same time."""

ACKNOWLEDGEMENTS: Final = 200
"""How many lines a process prints before it is killed."""

NEXT: Final = 1_000
"""How far apart the first numbers of processes are."""

START_SECONDS: Final = 60.0
"""What it gets to start and to print them: it imports the module of `open_store`, which is the author's."""


class CrashConformance(StoreCase):
    async def test_what_was_acknowledged_survives_the_kill_of_the_process(
        self, open_store: OpenStore, open_elsewhere: OpenStore
    ) -> None:
        async with open_store() as store:
            if not store.info().durable:
                not_applicable("info().durable is false")
        await self._kill_and_check(open_store, open_elsewhere, [1])

    async def test_two_processes_write_to_one_data_set_at_the_same_time(
        self, open_store: OpenStore, open_elsewhere: OpenStore
    ) -> None:
        async with open_store() as store:
            if not store.info().shared:
                not_applicable("info().shared is false")
        await self._kill_and_check(open_store, open_elsewhere, [1, 1 + NEXT])

    async def _kill_and_check(self, open_store: OpenStore, open_elsewhere: OpenStore, firsts: Sequence[int]) -> None:
        acknowledged = await asyncio.to_thread(_acknowledged_before_a_kill, pickled(open_elsewhere), firsts)
        async with open_store() as store:
            await _check_acknowledged(store, acknowledged)
            left = await _check_removed(store, acknowledged, firsts)
            await _check_whole(store, [run_id(first + n) for first in firsts for n in range(RUNS)], left)
            assert await store.append(batch(row(run_id(10_000)))) == 1, "the store takes new writes"


async def _check_acknowledged(store: RunStore, lines: Sequence[str]) -> None:
    newest: dict[str, int] = {}
    for line in lines:
        kind, name, *number = line.split()
        if kind == RUN:
            newest[name] = int(number[0])
        elif kind == DOC:
            found = await store.get_doc(DocRef(collection="c", key=name, now_ms=NOW_MS))
            assert found is not None, "an acknowledged document survives"
            assert found.body == name.encode()
        elif kind == BLOB:
            assert await store.get_blob(blob(name.encode()).digest) == name.encode(), "an acknowledged blob survives"
    for id_, seq in newest.items():
        assert len(await log_of(store, id_)) >= seq, "an acknowledged append survives"


async def _check_removed(store: RunStore, lines: Sequence[str], firsts: Sequence[int]) -> int:
    """How many runs are left that were to be removed: those whose removal nobody has acknowledged."""
    removed = [int(line.split()[1]) for line in lines if line.startswith(GONE)]
    for number in removed:
        name = f"{GONE}{number}"
        assert await store.get_run(removed_run(number)) is None, "an acknowledged delete of a run survives"
        for collection in (GONE, LATE):
            found = await store.get_doc(DocRef(collection=collection, key=name, now_ms=FIRST_MS))
            assert found is None, "an acknowledged delete or purge of a document survives"
        assert await store.get_blob(blob(name.encode()).digest) is None, "an acknowledged delete of a blob survives"
    left = 0
    for first in firsts:
        last = max((number for number in removed if first <= number < first + NEXT), default=first - 1)
        for number in (last + 1, last + 2):  # the kill may have cut off the line of the last one
            left += await store.get_run(removed_run(number)) is not None
    return left


async def _check_whole(store: RunStore, run_ids: Sequence[str], others: int) -> None:
    started = others
    for id_ in run_ids:
        log = await log_of(store, id_)
        assert [event.seq for event in log] == list(range(1, len(log) + 1)), "the sequence is dense"
        hit = await store.get_run(id_)
        assert (hit.seq if hit is not None else 0) == len(log), "row and log agree"
        if log:
            assert await store.get_blob(blob_of(id_, len(log)).digest) is not None, "the blobs of an append are there"
        assert await store.get_blob(blob_of(id_, len(log) + 1).digest) is None, "and those of no other"
        started += bool(log)
    assert (await list_all(store)).total == started, "the total agrees with the logs"


# -- the processes ------------------------------------------------------------------------------------------------


def _acknowledged_before_a_kill(opener: bytes, firsts: Sequence[int]) -> list[str]:
    """What processes acknowledge that write at the same time and are then killed."""
    with ExitStack() as stack:
        errors = stack.enter_context(tempfile.TemporaryFile())
        writers = [stack.enter_context(_writing(opener, first, errors)) for first in firsts]
        # All have printed enough before the first is killed: only then did they write side by side.
        lines = [line for writer in writers for line in islice(_output(writer), ACKNOWLEDGEMENTS)]
        if len(lines) < ACKNOWLEDGEMENTS * len(writers):
            errors.seek(0)
            pytest.fail(f"another process cannot open the store and write to it:\n{errors.read().decode()}")
        for writer in writers:
            writer.kill()
        for writer in writers:
            lines += _output(writer).readlines()
    return [line.decode() for line in lines if line.endswith(b"\n")]  # the kill may have cut off the last one


@contextmanager
def _writing(opener: bytes, first: int, errors: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", writer_process.__name__, str(first), str(RUNS)]
    # The author's modules must be found there as they are here.
    environment = child_environment(PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment
    ) as process:
        deadline = Timer(START_SECONDS, process.kill)
        deadline.start()
        try:
            assert process.stdin is not None
            with suppress(BrokenPipeError), process.stdin:
                process.stdin.write(opener)
            yield process
        finally:
            deadline.cancel()
            process.kill()


def _output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None
    return process.stdout
