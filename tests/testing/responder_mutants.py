"""Responders that break one promise each, with what the kit has to say. `test_responder_kit` asks for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from fabro_core.sessions import (
    Delta,
    Failure,
    Message,
    ModelChoice,
    ReplyPart,
    SessionResponder,
    ToolCallCompleted,
    ToolCallStarted,
    Turn,
)


class Sound(SessionResponder):
    """Keeps every promise; the base of those that break one."""

    needs_sandbox = False
    needs_model = False

    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        yield ToolCallStarted(tool_name="read", tool_call_id="c")
        run = await turn.run.run()
        yield ToolCallCompleted(tool_name="read", tool_call_id="c")
        text = f"{run['id']} is {run['lifecycle']['status']['kind']}."
        yield Delta(text)
        yield Message(text=text)


class NeedsInWords(Sound):
    needs_model = cast("bool", "no")


class BlankModel(Sound):
    default_model = " "

    async def choose_model(self, wanted: ModelChoice, /) -> ModelChoice:
        return await super().choose_model(ModelChoice() if wanted.model == " " else wanted)


class ChoosesNothing(Sound):
    async def choose_model(self, wanted: ModelChoice, /) -> ModelChoice:
        await super().choose_model(wanted)
        return cast("ModelChoice", None)


class TakesEveryModel(Sound):
    async def choose_model(self, wanted: ModelChoice, /) -> ModelChoice:
        return wanted


class RenamesForEver(Sound):
    default_model = "small"

    async def choose_model(self, wanted: ModelChoice, /) -> ModelChoice:
        if wanted.model is not None and wanted.model.startswith("small"):
            return ModelChoice(model=wanted.model + "-1")
        return await super().choose_model(wanted)


class SilentAtFirst(Sound):
    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        if (await turn.run.state())["stages"]:
            async for part in super().respond(turn):
                yield part


class SaysText(Sound):
    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        yield cast("ReplyPart", "Because.")


class SaysTooMuch(Sound):
    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        yield Message(text="x" * 1024 * 1024)


class DeltasOfSomethingElse(Sound):
    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        yield Delta("Perhaps.")
        yield Message(text="Certainly.")


class OpenCall(Sound):
    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        yield ToolCallStarted(tool_name="read", tool_call_id="c")
        yield Message(text="Because.")


class EndsAnotherCall(Sound):
    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        yield ToolCallStarted(tool_name="read", tool_call_id="c")
        yield ToolCallCompleted(tool_name="write", tool_call_id="c")
        yield Message(text="Because.")


class SpeaksAfterFailure(Sound):
    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        yield Failure(error="No.")
        yield Message(text="Or perhaps.")


class FailsWithoutReason(Sound):
    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        yield Failure(error=" ")


class TripsOverBraces(Sound):
    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        yield Message(text=turn.input.format(run=turn.run_id))


class TripsOverHistory(Sound):
    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        assert not turn.messages
        yield Message(text="Because.")


class SharesItsRun(Sound):
    """Keeps the run of the newest turn for all of them."""

    _turn: Turn

    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        self._turn = turn
        await asyncio.sleep(0)
        async for part in super().respond(self._turn):
            yield part


class RefusesToClose(Sound):
    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        try:
            yield Delta("Because")
        finally:
            yield Delta(".")


class LocksUpWhenCancelled(Sound):
    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        await asyncio.wait_for(self._lock.acquire(), 1)
        await asyncio.sleep(0)
        yield Message(text="Because.")
        self._lock.release()


class ServesOnce(Sound):
    _closed = False

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        yield
        self._closed = True

    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        if not self._closed:
            yield Message(text="Because.")


class SwallowsErrors(Sound):
    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        with suppress(Exception):
            yield


class FailsOnTheRunThatHasNotBegun(Sound):
    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        start: Any = (await turn.run.state())["start"]
        yield Message(text=start["start_time"])


CAUGHT_BY = {
    NeedsInWords: "what_it_needs_is_told_in_the_types_of_the_interface",
    BlankModel: "what_it_needs_is_told_in_the_types_of_the_interface",
    ChoosesNothing: "a_session_that_names_no_model_is_taken",
    TakesEveryModel: "a_model_that_there_is_not_is_refused",
    RenamesForEver: "the_name_of_its_own_model_is_taken_and_canonical_names_stay",
    SilentAtFirst: "it_replies_about_every_run",
    SaysText: "a_reply_consists_of_parts_of_the_interface",
    SaysTooMuch: "a_reply_consists_of_parts_of_the_interface",
    DeltasOfSomethingElse: "deltas_are_the_parts_of_the_message_that_follows_them",
    OpenCall: "every_call_of_a_tool_begins_and_then_ends",
    EndsAnotherCall: "every_call_of_a_tool_begins_and_then_ends",
    SpeaksAfterFailure: "nothing_follows_a_failure",
    FailsWithoutReason: "nothing_follows_a_failure",
    TripsOverBraces: "whatever_is_asked_gets_a_reply",
    TripsOverHistory: "what_was_said_before_is_no_trouble",
    SharesItsRun: "many_may_ask_at_once_and_each_is_told_of_their_own_run",
    RefusesToClose: "a_reply_can_be_closed_after_any_part",
    LocksUpWhenCancelled: "a_reply_can_be_cancelled_where_it_waits",
    ServesOnce: "it_replies_again_after_it_was_closed",
    SwallowsErrors: "an_error_of_the_server_leaves_its_lifespan_unchanged",
    FailsOnTheRunThatHasNotBegun: "it_replies_about_every_run",
}
"""The test that has to fail, for each."""
