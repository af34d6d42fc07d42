"""What a responder may read of a run, through a server: as the API answers it, and without the values of secrets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from fabro_core.errors import NotFound
from fabro_core.sessions import Message, ReplyPart, Turn
from tests.api.conftest import Server
from tests.api.test_pairs import append
from tests.api.test_sessions import ask, names
from tests.sessions.conftest import Scripted
from tests.sessions.test_replies import SUCCEEDED, session_of

pytestmark = pytest.mark.anyio

SECRET = "hunter2-hunter2"
STAGE = {"stage_id": "build@1", "node_id": "build"}
PATCH = f"diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+{SECRET}\n"

Look = Callable[[Turn], Awaitable[Any]]


async def seen(server: Server, scripted: Scripted, session: dict[str, Any], look: Look) -> Any:
    """What a responder sees."""
    found: list[Any] = []

    async def script(turn: Turn) -> AsyncIterator[ReplyPart]:
        found.append(await look(turn))
        yield Message(text="Seen.")

    scripted.script = script
    assert names((await ask(server, session, f"Is it {SECRET}?")).text)[-1] == SUCCEEDED
    return found[0]


async def worked(server: Server) -> dict[str, Any]:
    """A session about a run whose stage printed a secret and wrote it into a file."""
    session = await session_of(server)
    run_id = session["run_id"]
    secret = {"name": "TOKEN", "type": "token", "value": SECRET}
    assert (await server.client.post("/api/v1/secrets", json=secret)).status_code == 200
    for name in ("run.runnable", "run.starting", "run.started", "run.running"):
        changes: dict[str, Any] = {"base_sha": "a" * 40} if name == "run.started" else {}
        await append(server, run_id, name, **changes)
    await append(server, run_id, "stage.started", STAGE)
    await append(server, run_id, "command.started", STAGE, script=f"echo {SECRET}")
    await append(server, run_id, "command.completed", STAGE, output=f"0123 {SECRET} 6789")
    await append(server, run_id, "run.failed", final_patch=PATCH)
    return session


async def test_the_run_and_its_state_are_those_of_the_api(server: Server, scripted: Scripted) -> None:
    session = await session_of(server)

    async def look(turn: Turn) -> Any:
        return await turn.run.run(), await turn.run.state()

    run, state = await seen(server, scripted, session, look)
    for name in ("id", "title", "goal", "labels", "ask_fabro", "children_count"):
        assert run[name] == (await server.client.get(f"/api/v1/runs/{session['run_id']}")).json()[name]
    stored = (await server.client.get(f"/api/v1/runs/{session['run_id']}/state")).json()
    assert state["spec"] == stored["spec"]


async def test_events_are_read_from_either_end(server: Server, scripted: Scripted) -> None:
    session = await session_of(server)

    async def look(turn: Turn) -> Any:
        run = turn.run
        oldest, rest = await run.events(limit=2), await run.events(since_seq=3, limit=5000)
        newest = await run.newest_events(limit=0)
        before = await run.newest_events(before_seq=3)
        return oldest, rest, newest, before

    oldest, rest, newest, before = await seen(server, scripted, session, look)
    log = (await server.client.get(f"/api/v1/runs/{session['run_id']}/events")).json()["data"]
    begun = next(each["seq"] for each in log if each["event"] == "run.session.user_message")
    assert ([each["seq"] for each in oldest.events], oldest.has_more) == ([1, 2], True)
    assert oldest.events[0] == log[0]
    assert ([each["seq"] for each in rest.events], rest.has_more) == (list(range(3, begun + 1)), False)
    assert [each["seq"] for each in newest.events] == [begun]
    assert ([each["seq"] for each in before.events], before.has_more) == ([2, 1], False)


async def test_nothing_that_is_read_has_the_value_of_a_secret(server: Server, scripted: Scripted) -> None:
    session = await worked(server)

    async def look(turn: Turn) -> Any:
        run = turn.run
        return [
            turn.input,
            await run.run(),
            await run.state(),
            (await run.events(limit=1000)).events,
            await run.output("build@1"),
            await run.files(),
        ]

    found = await seen(server, scripted, session, look)
    assert SECRET not in str(found)
    question, _, _, events, output, (file,) = found
    assert question == "Is it [REDACTED]?"
    assert output.text == "0123 [REDACTED] 6789"
    assert "+[REDACTED]\n" in file.patch
    assert json.dumps(events).count("[REDACTED]") >= 3
    (said,) = [turn.messages for turn in scripted.turns]
    assert said == []
    await ask(server, session)
    assert scripted.turns[-1].messages[0].content == "Is it [REDACTED]?"


async def test_an_output_is_read_in_pieces_and_a_secret_is_not_cut_open(server: Server, scripted: Scripted) -> None:
    session = await worked(server)

    async def look(turn: Turn) -> Any:
        run = turn.run
        return [
            await run.output("build@1", limit=8),
            await run.output("build@1", offset=3, limit=8),
            await run.output("build@1", offset=999),
            await run.output("other@1"),
            await run.output("nonsense"),
        ]

    end, middle, beyond, unknown, malformed = await seen(server, scripted, session, look)
    assert (end.text, end.offset, end.total_chars, end.complete) == ("ED] 6789", 12, 20, True)
    assert (middle.text, middle.offset) == ("3 [REDAC", 3)
    assert (beyond.text, beyond.offset) == ("", 20)
    assert (unknown, malformed) == (None, None)


async def test_a_file_is_told_with_what_has_changed(server: Server, scripted: Scripted) -> None:
    session = await worked(server)
    (file,) = await seen(server, scripted, session, lambda turn: turn.run.files())
    assert (file.path, file.change, file.additions, file.deletions, file.binary) == ("x", "added", 1, 0, False)


async def test_a_run_that_has_changed_nothing_has_no_files(server: Server, scripted: Scripted) -> None:
    assert await seen(server, scripted, await session_of(server), lambda turn: turn.run.files()) == []


async def test_a_run_that_was_deleted_cannot_be_read(server: Server, scripted: Scripted) -> None:
    session = await session_of(server)
    refused: list[str] = []

    async def script(turn: Turn) -> AsyncIterator[ReplyPart]:
        run = turn.run
        await server.client.delete(f"/api/v1/runs/{turn.run_id}?force=true")
        for read in (run.run, run.state, run.events, run.newest_events, lambda: run.output("build@1"), run.files):
            try:
                await read()
            except NotFound:
                refused.append("refused")
        yield Message(text="Gone.")

    scripted.script = script
    await ask(server, session)
    assert refused == ["refused"] * 6
