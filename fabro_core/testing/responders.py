"""The conformance kit of `SessionResponder`: inherit `ResponderConformance`, override a fixture; pytest asks the rest.

    class TestMyResponder(ResponderConformance):
        @pytest.fixture
        def responder(self) -> SessionResponder:
            return MyResponder()

`responder` returns it as the hook would, not opened. What it depends on, such as a model, is a fake of the author's. A
second fixture, `question`, may be overridden with what such a responder is usually asked. Async tests run with the
pytest plugin of anyio.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress
from typing import Any, cast

import msgspec
import pytest

from fabro_core.errors import InvalidRequest, NotFound
from fabro_core.sessions.base import (
    Delta,
    Failure,
    Message,
    ModelChoice,
    ReplyPart,
    SessionResponder,
    ToolCallCompleted,
    ToolCallStarted,
)
from fabro_core.sessions.telling import MAX_PART_BYTES, MAX_REPLY_BYTES, told
from fabro_core.testing.conformance import ConformanceSuite, name_subject, not_applicable
from fabro_core.testing.talks import RUNS, Talk, talk_about

REPLY_SECONDS = 30
"""What a reply may take in the kit."""

AT_ONCE = 20
UNKNOWN_MODEL = "no-model-has-this-name"
ODD_QUESTIONS = ("?", " why \n", "x" * 20_000, "¿qué pasó? \u202e 🙈", '{"kind": "delta"}', "{{ vars.TOKEN }}")


class ServerFailed(Exception):
    """What a server raises inside of a lifespan."""


@pytest.mark.anyio
class ResponderConformance(ConformanceSuite):
    """Every promise of `SessionResponder` (resources.md X2), one test each."""

    conformance_kit = "responder"

    # -- fixtures: override the first, and the second at need ---------------------------------------------------

    @pytest.fixture
    def responder(self) -> SessionResponder:
        """Override: the responder, built and not opened."""
        raise NotImplementedError("override the fixture responder")

    @pytest.fixture
    def question(self) -> str:
        """Override at need: something that such a responder is asked."""
        return "What went wrong?"

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture
    async def opened(
        self, responder: SessionResponder, request: pytest.FixtureRequest, anyio_backend: str
    ) -> AsyncIterator[SessionResponder]:
        name_subject(request, type(responder).__name__)
        async with responder.lifespan():
            yield responder

    @pytest.fixture(params=RUNS)
    def about(self, request: pytest.FixtureRequest) -> str:
        """The run that is asked about: one that has not begun, one that works, one that failed, and so on."""
        name: str = request.param
        return name

    # -- what it says of itself ---------------------------------------------------------------------------------

    async def test_what_it_needs_is_told_in_the_types_of_the_interface(self, opened: SessionResponder) -> None:
        for name in ("needs_sandbox", "needs_model"):
            assert isinstance(getattr(opened, name), bool), f"{name} is True or False"
        model: object = opened.default_model
        assert model is None or (isinstance(model, str) and model.strip()), "default_model names a model, or is None"

    async def test_a_session_that_names_no_model_is_taken(self, opened: SessionResponder) -> None:
        chosen = await opened.choose_model(ModelChoice())
        assert isinstance(chosen, ModelChoice), "a choice of a model is a ModelChoice"

    async def test_a_model_that_there_is_not_is_refused(self, opened: SessionResponder) -> None:
        for wanted in (ModelChoice(model=UNKNOWN_MODEL), ModelChoice(provider=UNKNOWN_MODEL)):
            with pytest.raises(InvalidRequest):
                await opened.choose_model(wanted)

    async def test_the_name_of_its_own_model_is_taken_and_canonical_names_stay(self, opened: SessionResponder) -> None:
        if opened.default_model is None:
            not_applicable("it has no default model")
        chosen = await opened.choose_model(ModelChoice(model=opened.default_model))
        assert await opened.choose_model(chosen) == chosen, "what was chosen is chosen again under its own name"

    # -- replies ------------------------------------------------------------------------------------------------

    async def test_it_replies_about_every_run(self, opened: SessionResponder, about: str, question: str) -> None:
        async with talk_about(about) as talk:
            parts = await reply_of(opened, talk, question)
        assert parts, "somebody who asked is told something"

    async def test_a_reply_consists_of_parts_of_the_interface(
        self, opened: SessionResponder, about: str, question: str
    ) -> None:
        async with talk_about(about) as talk:
            parts = await reply_of(opened, talk, question)
        for part in parts:
            assert isinstance(part, ReplyPart), f"{type(part).__qualname__} is no part of a reply"
            msgspec.convert(msgspec.structs.asdict(part), type(part))
        sizes = [len(msgspec.json.encode(part)) for part in parts]
        assert max(sizes, default=0) <= MAX_PART_BYTES, "no part has more than 1 MiB"
        assert sum(sizes) <= MAX_REPLY_BYTES, "no reply has more than 8 MiB"

    async def test_deltas_are_the_parts_of_the_message_that_follows_them(
        self, opened: SessionResponder, about: str, question: str
    ) -> None:
        async with talk_about(about) as talk:
            parts = await reply_of(opened, talk, question)
        text = ""
        for part in parts:
            if isinstance(part, Delta):
                text += part.text
            elif isinstance(part, Message):
                assert text in ("", part.text), "who reads the deltas reads the message"
                text = ""

    async def test_every_call_of_a_tool_begins_and_then_ends(
        self, opened: SessionResponder, about: str, question: str
    ) -> None:
        async with talk_about(about) as talk:
            parts = await reply_of(opened, talk, question)
        under_way: dict[str, str] = {}
        for part in parts:
            match part:
                case ToolCallStarted(tool_name=name, tool_call_id=call_id):
                    assert call_id not in under_way, "calls that are under way have different ids"
                    under_way[call_id] = name
                case ToolCallCompleted(tool_name=name, tool_call_id=call_id):
                    assert under_way.pop(call_id, None) == name, "a call ends that has begun, under its name"
        assert not under_way or isinstance(parts[-1], Failure), "every call ends before its turn succeeds"

    async def test_nothing_follows_a_failure(self, opened: SessionResponder, about: str, question: str) -> None:
        async with talk_about(about) as talk:
            parts = await reply_of(opened, talk, question)
        assert not any(isinstance(part, Failure) for part in parts[:-1]), "a failure is the last of a reply"
        if parts and isinstance(parts[-1], Failure):
            assert parts[-1].error.strip(), "who asked is told why"

    async def test_whatever_is_asked_gets_a_reply(self, opened: SessionResponder) -> None:
        async with talk_about(RUNS[-1]) as talk:
            for odd in ODD_QUESTIONS:
                assert await reply_of(opened, talk, odd), f"{odd[:20]!r} is replied to"

    async def test_what_was_said_before_is_no_trouble(self, opened: SessionResponder, question: str) -> None:
        async with talk_about(RUNS[-1]) as talk:
            before = await reply_of(opened, talk, question)
            talk.remember(question, before)
            assert await reply_of(opened, talk, question), "a second question is replied to"

    async def test_many_may_ask_at_once_and_each_is_told_of_their_own_run(
        self, opened: SessionResponder, question: str
    ) -> None:
        async with talk_about(RUNS[0]) as one, talk_about(RUNS[-1]) as other:
            alone, again = [[spoken(await reply_of(opened, talk, question)) for talk in (one, other)] for _ in range(2)]
            talks = [one, other] * (AT_ONCE // 2)
            together = await asyncio.gather(*(reply_of(opened, talk, question) for talk in talks))
        if alone != again:
            not_applicable("the same question is replied to in different words")
        assert [spoken(each) for each in together] == alone * (AT_ONCE // 2), "everybody gets their own reply"

    # -- replies that are broken off ----------------------------------------------------------------------------

    async def test_a_reply_can_be_closed_after_any_part(self, opened: SessionResponder, question: str) -> None:
        async with talk_about(RUNS[-1]) as talk:
            count = len(await reply_of(opened, talk, question))
            for taken in range(count + 1):
                parts = opened.respond(talk.turn(question))
                for _ in range(taken):
                    with suppress(StopAsyncIteration):
                        await anext(parts)
                async with asyncio.timeout(REPLY_SECONDS):
                    await cast("Any", parts).aclose()
            assert await reply_of(opened, talk, question), "it replies again"

    async def test_a_reply_can_be_cancelled_where_it_waits(self, opened: SessionResponder, question: str) -> None:
        async with talk_about(RUNS[-1]) as talk:
            for steps in range(10):
                reply = asyncio.ensure_future(reply_of(opened, talk, question))
                for _ in range(steps):
                    await asyncio.sleep(0)
                reply.cancel()
                done, _ = await asyncio.wait({reply}, timeout=REPLY_SECONDS)
                assert done, "a reply that is cancelled ends"
            assert await reply_of(opened, talk, question), "it replies again"

    async def test_a_run_that_is_deleted_meanwhile_disturbs_no_other(
        self, opened: SessionResponder, question: str
    ) -> None:
        async with talk_about(RUNS[-1]) as talk:
            await talk.delete()
            with suppress(NotFound):  # nothing forbids it, and the turn is gone as well
                await reply_of(opened, talk, question)
        async with talk_about(RUNS[-1]) as talk:
            assert await reply_of(opened, talk, question), "it replies about other runs"

    async def test_the_core_makes_one_end_of_every_reply(
        self, opened: SessionResponder, about: str, question: str
    ) -> None:
        async with talk_about(about) as talk:
            failed = [part for part in await reply_of(opened, talk, question) if isinstance(part, Failure)]
            async with aclosing(told(opened, talk.turn(question))) as events:
                names = [each.event async for each in events]
        expected = "run.session.turn.failed" if failed else "run.session.turn.succeeded"
        assert names[-1] == expected, "a turn fails where the responder says so, and nowhere else"

    # -- opening and closing ------------------------------------------------------------------------------------

    async def test_it_replies_again_after_it_was_closed(self, responder: SessionResponder, question: str) -> None:
        async with talk_about(RUNS[-1]) as talk:
            for _ in range(2):
                async with responder.lifespan():
                    assert await reply_of(responder, talk, question), "it replies whenever it is open"

    async def test_an_error_of_the_server_leaves_its_lifespan_unchanged(self, responder: SessionResponder) -> None:
        with pytest.raises(ServerFailed):
            async with responder.lifespan():
                raise ServerFailed

    async def test_it_finds_nothing_wrong_with_itself(self, opened: SessionResponder) -> None:
        assert list(await opened.check()) == [], "what the kit is given could serve"


async def reply_of(responder: SessionResponder, talk: Talk, question: str) -> Sequence[ReplyPart]:
    """The whole reply."""
    async with asyncio.timeout(REPLY_SECONDS):
        parts = responder.respond(talk.turn(question))
        assert hasattr(parts, "__anext__"), "respond is an async generator"
        return [part async for part in parts]


def spoken(parts: Sequence[ReplyPart]) -> str:
    """What a reply says."""
    messages = [part.text for part in parts if isinstance(part, Message)]
    return "\n".join(messages) or "".join(part.text for part in parts if isinstance(part, Delta))
