"""Runs to be asked about, for the kit of responders: in a store in memory, made by events as workers send them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from ulid import ULID

from fabro_core.models.ids import RunId
from fabro_core.models.instant import format_instant
from fabro_core.models.principal import IdpIdentity, PrincipalUser, RunProvenance
from fabro_core.models.session import SessionMessage
from fabro_core.redaction import nothing_secret
from fabro_core.runs.log.submission import read_submission
from fabro_core.runs.service import Runs
from fabro_core.sessions.base import Message, ReplyPart, RunReader, Turn
from fabro_core.sessions.reading import StoredRunReader
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.testing.clock import ManualClock

SOMEBODY: Final = PrincipalUser(identity=IdpIdentity("kit", "1"), login="kit", auth_method="kit")
MANIFEST: Final = {
    "version": 1,
    "cwd": "/projects/shop",
    "target": {"path": "build.fabro"},
    "workflows": {
        "build.fabro": {
            "source": 'digraph Build { goal = "Build it" start [shape=Mdiamond] build [script="make"]'
            " exit [shape=Msquare] start -> build -> exit }"
        }
    },
}
TIMING: Final = {"wall_time_ms": 9, "inference_time_ms": 0, "tool_time_ms": 0, "active_time_ms": 9}
STAGE: Final = {"node_id": "build", "node_label": "Build", "stage_id": "build@1"}
PATCH: Final = (
    "diff --git a/src/shop.py b/src/shop.py\n--- a/src/shop.py\n+++ b/src/shop.py\n@@ -1 +1,2 @@\n-old\n+new\n+more\n"
)
DETAIL: Final = {"message": "make: *** [all] Error 2", "category": "deterministic"}

Step = tuple[str, dict[str, Any]]

_STARTED: Final[list[Step]] = [
    ("run.runnable", {"source": "start_requested"}),
    ("run.starting", {}),
    ("run.started", {"name": "Build", "base_sha": "a" * 40}),
    ("run.running", {}),
]
_WORKING: Final[list[Step]] = [
    *_STARTED,
    ("stage.started", {"index": 1, "handler_type": "command", "attempt": 1, "max_attempts": 1}),
    ("command.started", {"script": "make", "command": "make", "language": "shell"}),
]
_PRINTED: Final[list[Step]] = [
    *_WORKING,
    (
        "command.completed",
        {"output": "compiling\nlinking\n", "duration_ms": 9, "termination": "exited", "exit_code": 2},
    ),
]
_ENDED: Final[list[Step]] = [
    *_PRINTED,
    ("stage.failed", {"index": 1, "will_retry": False, "timing": TIMING, "failure": DETAIL}),
]
_STEPS: Final[dict[str, list[Step]]] = {
    "created": [],
    "running": _WORKING,
    "waiting for an answer": [
        *_PRINTED,
        (
            "interview.started",
            {
                "question_id": "q1",
                "question": "Publish?",
                "stage": "build",
                "question_type": "yes_no",
                "allow_freeform": False,
            },
        ),
        ("run.blocked", {"blocked_reason": "human_input_required"}),
    ],
    "succeeded": [
        *_PRINTED,
        (
            "run.completed",
            {
                "timing": TIMING,
                "artifact_count": 0,
                "status": "succeeded",
                "reason": "completed",
                "final_patch": PATCH,
                "diff_summary": {"files_changed": 1, "additions": 2, "deletions": 1},
            },
        ),
    ],
    "failed": [
        *_ENDED,
        (
            "run.failed",
            {
                "timing": TIMING,
                "failure": {"reason": "workflow_error", "detail": DETAIL},
                "final_patch": PATCH,
                "diff_summary": {"files_changed": 1, "additions": 2, "deletions": 1},
            },
        ),
    ],
}

RUNS: Final = tuple(_STEPS)
"""What can be asked about; the last has the most to tell."""


class Talk:
    """A session about one run, without a server around it."""

    def __init__(self, runs: Runs, run_id: RunId) -> None:
        self._runs = runs
        self._run_id = run_id
        self._session_id = str(ULID())
        self._messages: list[SessionMessage] = []
        self.run: RunReader = StoredRunReader(runs, run_id, nothing_secret)

    def turn(self, question: str) -> Turn:
        """Somebody says something."""
        return Turn(
            session_id=self._session_id,
            turn_id=str(ULID()),
            run_id=self._run_id,
            input=question,
            messages=tuple(self._messages),
            model=None,
            provider=None,
            run=self.run,
        )

    def remember(self, question: str, parts: Sequence[ReplyPart]) -> None:
        """What was said is said before the next turn."""
        now = format_instant(ManualClock().now())
        self._messages.append(SessionMessage(kind="user", content=question, timestamp=now))
        for part in parts:
            if isinstance(part, Message):
                said = SessionMessage(kind="assistant", content=part.text, timestamp=now, usage=part.usage)
                self._messages.append(said)

    async def delete(self) -> None:
        """The run is deleted."""
        await self._runs.delete_by_force(self._run_id, actor=SOMEBODY)


@asynccontextmanager
async def talk_about(kind: str) -> AsyncIterator[Talk]:
    """A session about one of `RUNS`."""
    store = MemoryRunStore(MemoryData())
    async with store.lifespan():
        runs = Runs(store, ManualClock(), web_url=None)
        hit = await runs.create(msgspec.json.encode(MANIFEST), provenance=RunProvenance(subject=SOMEBODY))
        run_id = RunId(hit.id)
        for number, (name, properties) in enumerate(_STEPS[kind]):
            await runs.submit_event(run_id, read_submission(_event(run_id, number, name, properties), run_id))
        yield Talk(runs, run_id)


def _event(run_id: str, number: int, name: str, properties: dict[str, Any]) -> bytes:
    now = format_instant(ManualClock().now())
    event = {"id": f"kit-{number}", "ts": now, "run_id": run_id, "event": name, "properties": properties}
    return msgspec.json.encode(event if name.startswith("run.") else {**event, **STAGE})
