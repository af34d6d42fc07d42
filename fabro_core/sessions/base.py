"""The interface of a session responder: what replies when somebody says something in a session about a run.

The core owns sessions, their turns and everything that is written; a responder is told what was said, may read the run
that the session is about, and yields its reply piece by piece (resources.md X2).
"""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import msgspec

from fabro_core.context import Problem
from fabro_core.errors import InvalidRequest
from fabro_core.models.session import SessionMessage

FailureCode = Literal[
    "no_sandbox", "sandbox_unavailable", "llm_unconfigured", "model_unavailable", "tool_denied", "agent_error"
]

Json = dict[str, Any]
"""A JSON object as the API answers it."""


# -- what a responder may read --------------------------------------------------------------------------------------


class EventsRead(msgspec.Struct, frozen=True):
    """Events of the run, in the order that was asked for."""

    events: Sequence[Json]
    """Envelopes, as `GET /runs/{id}/events` answers them."""
    has_more: bool
    """There are further ones in this direction."""


class OutputRead(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of what a stage has printed."""

    text: str
    offset: int
    """Where the piece begins, in characters."""
    total_chars: int
    complete: bool
    """It will not grow."""


class ChangedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the run has changed."""

    path: str
    old_path: str
    """The same as `path`, but of a file that was renamed or copied."""
    change: Literal["added", "modified", "deleted", "renamed", "symlink", "submodule"]
    binary: bool
    additions: int
    """Lines."""
    deletions: int
    patch: str
    """As git writes it."""


class RunReader(abc.ABC):
    """Reads the run that a session is about, as it is at each call; no other run, and nothing else.

    The values of secrets are taken out of everything. Every method raises `NotFound` when the run was deleted, and
    `StoreUnavailable` (`fabro_core.store`).
    """

    @abc.abstractmethod
    async def run(self) -> Json:
        """The Run, as `GET /runs/{id}` answers it."""

    @abc.abstractmethod
    async def state(self) -> Json:
        """Everything that the log adds up to, as `GET /runs/{id}/state` answers it. Takes time that grows with the
        log."""

    @abc.abstractmethod
    async def events(self, *, since_seq: int = 1, limit: int = 100) -> EventsRead:
        """Events from a sequence number on, oldest first; at most `limit`, which is moved into 1 to 1000."""

    @abc.abstractmethod
    async def newest_events(self, *, before_seq: int | None = None, limit: int = 100) -> EventsRead:
        """Events before a sequence number, newest first; None: from the end. As many as `events` answers."""

    @abc.abstractmethod
    async def output(self, stage_id: str, *, offset: int | None = None, limit: int = 65_536) -> OutputRead | None:
        """At most `limit` characters of what a stage such as `build@1` has printed, from `offset` on; None: the last
        of them. Answers None for a stage that there is not, and one whose output is not kept."""

    @abc.abstractmethod
    async def files(self) -> Sequence[ChangedFile]:
        """The files that the run has changed, as far as it has told: a run tells when it ends."""


# -- what a responder is told, and answers --------------------------------------------------------------------------


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody said in a session, which waits for a reply."""

    session_id: str
    turn_id: str
    run_id: str
    input: str
    messages: Sequence[SessionMessage]
    """What was said in the session before, by whomever."""
    model: str | None
    """The session's, as `choose_model` has answered it; None: the responder's choice."""
    provider: str | None
    run: RunReader


class Delta(msgspec.Struct, frozen=True):
    """A piece of text of a reply in the making. Followers see at most ten a second: several may be told as one."""

    text: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of what was said; the deltas since the last one are its parts, if there were any."""

    text: str
    usage: Any = None
    """What it took, as JSON, such as tokens; None: nobody counted."""
    model: str | None = None
    """That said it; None: no model did."""


class ToolCallStarted(msgspec.Struct, frozen=True, kw_only=True):
    """The responder begins to use a tool of its own."""

    tool_name: str
    tool_call_id: str
    """Of the responder's choice; tells which call has ended."""
    arguments: Any = None
    """As JSON."""


class ToolCallCompleted(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a tool has ended."""

    tool_name: str
    tool_call_id: str
    output: Any = None
    """As JSON."""
    is_error: bool = False


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """The reply ends here, and the turn has failed."""

    error: str
    """For whoever asked: one sentence without secrets."""
    code: FailureCode = "agent_error"
    retryable: bool = False
    """The same, said again later, may be replied to."""


ReplyPart = Delta | Message | ToolCallStarted | ToolCallCompleted | Failure
"""A piece of a reply."""


class ModelChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The model of a session; None: whatever the responder uses."""

    model: str | None = None
    provider: str | None = None


class SessionResponder(abc.ABC):
    """Replies in sessions. One extension of a server may build one; without it every turn fails with
    `llm_unconfigured`."""

    needs_sandbox: bool = True
    """Whether it can only reply about a run with a ready sandbox; a Run then says so in `ask_fabro` (runs.md R5.8)."""
    needs_model: bool = True
    """Whether it replies with a model; a Run is then available for questions only if there is a `default_model`."""
    default_model: str | None = None
    """The model that it uses unless a session names another."""

    @abc.abstractmethod
    def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        """The reply, part by part: an async generator.

        The turn succeeds when the generator ends, and fails with a `Failure`, after which nothing more is asked for.
        Deltas that no `Message` follows become one. Anything that it raises fails the turn with `agent_error`, and
        only the log of the server is told what it was. The generator is closed where it waits when the turn was
        interrupted, the server stops, an hour has passed, or the reply has more than 8 MiB; one part has at most 1 MiB.
        Several turns, of different sessions, are replied to at the same time.
        """

    async def choose_model(self, wanted: ModelChoice, /) -> ModelChoice:
        """The canonical names of what a new session asks for. Raises `InvalidRequest` for a model or provider that is
        unknown or not ready, as every one is for a responder without models."""
        if wanted.model is not None or wanted.provider is not None:
            raise InvalidRequest("What replies on this server knows no model or provider of this name.")
        return wanted

    async def check(self) -> Sequence[Problem]:
        """What is wrong, found without contacting anything; asked once it is open. Must answer within 10 s."""
        return ()

    async def check_online(self) -> Sequence[Problem]:
        """What is wrong with what it depends on; asked by `fabro check --online` alone."""
        return ()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Holds open what it needs while the server runs; entered before the first turn."""
        yield
