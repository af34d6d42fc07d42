"""The access log as a process that serves writes it (server.md S26)."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.auth.base import Identity
from fabro_core.auth.caller import AuthStatus, Caller, User, Worker
from fabro_core.config.model import LogFormat
from fabro_core.http.access import log_request
from fabro_core.http.trace import Trace
from fabro_core.server.log_lines import MAX_WAITING, WRITE_BYTES, LogLines
from fabro_core.server.logs import JsonFormatter, TextFormatter
from fabro_core.server.request_lines import RequestLines
from tests.races.server_process import on_sqlite, server_process

pytestmark = pytest.mark.anyio

FORMATTERS: dict[LogFormat, type[logging.Formatter]] = {"text": TextFormatter, "json": JsonFormatter}
access = logging.getLogger("fabro.access")

texts = st.text(st.characters(exclude_categories=()), max_size=40)
identities = st.builds(Identity, issuer=texts, subject=texts, login=texts)
callers = st.none() | st.builds(Worker, run_id=texts) | st.builds(User, identity=identities, method=texts)
statuses: st.SearchStrategy[AuthStatus | None] = st.sampled_from(["missing", "denied", "authenticated", None])


@pytest.fixture(autouse=True)
def info() -> Iterator[None]:
    """The level that a server has by default; nothing but the test's own handlers is told."""
    before, access.propagate = access.level, False
    access.setLevel(logging.INFO)
    yield
    access.setLevel(before)
    access.propagate = True


def scope_of(path: str = "/api/v1/runs", *, method: str = "GET", client: str = "127.0.0.1") -> dict[str, Any]:
    return {"path": path, "method": method, "client": (client, 1), "root_path": ""}


def trace_of(caller: Caller | None = None, auth_status: AuthStatus | None = None, code: str | None = None) -> Trace:
    trace = Trace()
    trace.caller, trace.auth_status, trace.auth_error_code = caller, auth_status, code
    return trace


@contextmanager
def told(handler: logging.Handler) -> Iterator[None]:
    access.addHandler(handler)
    try:
        yield
    finally:
        access.removeHandler(handler)


def line_of_record(form: LogFormat, scope: dict[str, Any], trace: Trace, status: int) -> str:
    """What `logging` writes, as it does in a program that embeds the server."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMATTERS[form]())
    with told(handler):
        log_request(scope, trace, status, perf_counter())
    return stream.getvalue()


def line_of_server(form: LogFormat, scope: dict[str, Any], trace: Trace, status: int) -> str:
    stream = io.StringIO()
    lines = LogLines(stream)

    async def answer() -> None:
        RequestLines(lines, form)(scope, trace, status, perf_counter())
        lines.flush()

    asyncio.run(answer())
    return stream.getvalue()


def without_times(form: LogFormat, line: str) -> object:
    """All but the instant and the latency, which two lines cannot have in common; and that both are there."""
    if form == "json":
        document = json.loads(line)
        assert document.pop("ts").endswith("Z")
        assert document.pop("latency_ms") >= 0
        return list(document.items())
    instant, rest = line.split(" ", 1)
    assert instant.endswith("Z")
    before, after = rest.split(" latency_ms=", 1)
    latency, after = after.split(" ", 1)
    assert float(latency) >= 0
    return before, after


@pytest.mark.parametrize("form", ["text", "json"])
@given(
    path=texts,
    method=texts,
    client=texts,
    status=st.sampled_from([200, 404, 499, 500, 503]),
    trace=st.builds(trace_of, callers, statuses, st.none() | texts),
)
def test_a_server_writes_what_logging_would(
    form: LogFormat, path: str, method: str, client: str, status: int, trace: Trace
) -> None:
    scope = scope_of(path, method=method, client=client)

    ours = line_of_server(form, scope, trace, status)

    assert without_times(form, ours) == without_times(form, line_of_record(form, scope, trace, status))
    assert ours.count("\n") == 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_long_path_is_cut_alike(form: LogFormat) -> None:
    scope, trace = scope_of("/" + "a" * 5_000), trace_of()

    assert without_times(form, line_of_server(form, scope, trace, 404)) == without_times(
        form, line_of_record(form, scope, trace, 404)
    )


def test_a_probe_is_told_of_at_the_level_of_debugging() -> None:
    assert line_of_server("text", scope_of("/health"), trace_of(), 200) == ""
    access.setLevel(logging.DEBUG)
    assert " DEBUG fabro.access request " in line_of_server("text", scope_of("/health"), trace_of(), 200)


class Pipe(io.StringIO):
    """Remembers each write by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return len(text)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_stop_loses_no_line(tmp_path: Path, workers: str) -> None:
    with server_process(tmp_path, on_sqlite(tmp_path / "fabro.db"), "--workers", workers) as server:
        async with server.client() as client:
            await asyncio.gather(*(client.get(f"/api/v1/nothing/{number}") for number in range(100)))
        server.stop()

    lines = (tmp_path / "stdout.log").read_text().splitlines()
    asked = [line.split(" path=/api/v1/nothing/")[1].split(" ")[0] for line in lines if "/nothing/" in line]
    assert sorted(asked, key=int) == [str(number) for number in range(100)]


async def test_lines_of_one_turn_are_written_together_once_it_is_over() -> None:
    pipe = Pipe()
    lines = LogLines(pipe)

    for number in range(3):
        lines.write_soon(partial("line {}".format, number))
    assert pipe.writes == []
    await asyncio.sleep(0)

    assert pipe.writes == ["line 0\nline 1\nline 2\n"]


async def test_every_turn_is_written() -> None:
    pipe = Pipe()
    lines = LogLines(pipe)

    for number in range(3):
        lines.write_soon(partial("line {}".format, number))
        await asyncio.sleep(0)

    assert pipe.writes == ["line 0\n", "line 1\n", "line 2\n"]


async def test_a_record_comes_after_the_lines_before_it() -> None:
    pipe = Pipe()
    lines = LogLines(pipe)
    lines.setFormatter(logging.Formatter("%(message)s"))

    lines.write_soon(lambda: "before")
    lines.handle(logging.makeLogRecord({"msg": "record"}))
    lines.write_soon(lambda: "after")
    await asyncio.sleep(0)

    assert "".join(pipe.writes) == "before\nrecord\nafter\n"


async def test_a_failure_is_written_at_once_with_what_waits() -> None:
    pipe = Pipe()
    requests = RequestLines(LogLines(pipe), "text")

    requests(scope_of("/first"), trace_of(), 200, perf_counter())
    requests(scope_of("/second"), trace_of(), 500, perf_counter())

    assert [line.split(" ")[5] for line in "".join(pipe.writes).splitlines()] == ["path=/first", "path=/second"]


async def test_no_more_than_so_many_lines_wait() -> None:
    pipe = Pipe()
    lines = LogLines(pipe)

    for _ in range(MAX_WAITING):
        lines.write_soon(lambda: "x")

    assert "".join(pipe.writes) == "x\n" * MAX_WAITING


async def test_a_write_is_one_that_a_pipe_takes_in_one_piece() -> None:
    pipe = Pipe()
    lines = LogLines(pipe)

    for letter in "abcé" * 5:
        lines.write_soon(partial("{}".format, letter * 700))
    lines.flush()

    assert "".join(pipe.writes) == "".join(f"{letter * 700}\n" for letter in "abcé" * 5)
    assert all(len(write.encode()) <= WRITE_BYTES and write.endswith("\n") for write in pipe.writes)


async def test_what_waits_at_the_end_of_a_loop_is_written_by_a_flush() -> None:
    pipe = Pipe()
    lines = LogLines(pipe)

    lines.write_soon(lambda: "last")
    lines.flush()

    assert pipe.writes == ["last\n"]


async def test_a_log_that_cannot_be_written_fails_no_request(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    stream.close()
    lines = LogLines(stream)

    lines.write_now(lambda: "lost")

    assert "Logging error" in capsys.readouterr().err


def test_a_log_that_nobody_reads_is_told_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        lines = LogLines(stream)
        os.close(reading)
        for _ in range(3):
            lines.write_now(lambda: "lost")
            lines.handle(logging.makeLogRecord({"msg": "lost as well"}))
        with suppress(BrokenPipeError):
            stream.close()

    assert capsys.readouterr().err == "the log cannot be written: Broken pipe\n"


def test_a_stream_of_few_letters_loses_no_line() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")

    line_of = LogLines(stream)
    line_of.write_now(lambda: "caf\u00e9")

    assert raw.getvalue() == b"caf\\xe9\n"
