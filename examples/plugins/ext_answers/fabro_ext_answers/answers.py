"""What is answered: a question asks for chapters by its words, and each chapter reads what it tells."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from fabro_core.sessions import (
    Delta,
    Message,
    ReplyPart,
    RunReader,
    SessionResponder,
    ToolCallCompleted,
    ToolCallStarted,
    Turn,
)

State = Mapping[str, Any]
Chapter = Callable[[RunReader, State], Awaitable[str]]


class Answers(SessionResponder):
    needs_sandbox = False
    needs_model = False

    def __init__(self, *, output_chars: int) -> None:
        self._output_chars = output_chars

    async def respond(self, turn: Turn, /) -> AsyncIterator[ReplyPart]:
        """Chapter by chapter, each as soon as it is known."""
        yield ToolCallStarted(tool_name="read_state", tool_call_id="state", arguments={})
        state = await turn.run.state()
        told = {"status": state["status"], "stages": len(state["stages"])}
        yield ToolCallCompleted(tool_name="read_state", tool_call_id="state", output=told)
        text = ""
        for chapter in self._chapters(turn.input):
            paragraph = ("\n\n" if text else "") + await chapter(turn.run, state)
            text += paragraph
            yield Delta(paragraph)
        yield Message(text=text)

    def _chapters(self, question: str) -> Sequence[Chapter]:
        asked = question.casefold()
        chapters: dict[tuple[str, ...], Chapter] = {
            ("status", "how is", "done"): status,
            ("fail", "wrong", "error", "why"): failures,
            ("change", "file", "diff"): changes,
            ("print", "output", "log"): self._last_output,
        }
        wanted = [chapter for words, chapter in chapters.items() if any(word in asked for word in words)]
        return wanted or list(chapters.values())

    async def _last_output(self, run: RunReader, state: State) -> str:
        """What was printed last, by the newest stage that has printed anything."""
        for stage_id in reversed(state["stages"]):
            output = await run.output(stage_id, limit=self._output_chars)
            if output is not None and output.text.strip():
                cut = "…" if output.offset else ""
                return f"{stage_id} printed last:\n\n{cut}{output.text.rstrip()}"
        return "Nothing was printed."


async def status(run: RunReader, state: State) -> str:
    kind = state["status"]["kind"]
    stages = [f"{stage_id} is {stage['state']}" for stage_id, stage in state["stages"].items()]
    questions = [
        f'It waits for an answer: "{each["question"]["text"]}"' for each in state["pending_interviews"].values()
    ]
    return " ".join([f"The run is {kind}.", *(f"{each}." for each in stages), *questions])


async def failures(run: RunReader, state: State) -> str:
    conclusion = state["conclusion"] or {}
    failed = [
        f"{stage_id} failed: {stage['completion']['failure_reason'] or 'it gave no reason'}."
        for stage_id, stage in state["stages"].items()
        if stage["state"] == "failed" and stage["completion"] is not None
    ]
    if "failure" in conclusion:
        failure = conclusion["failure"]
        failed.insert(0, f"The run failed ({failure['reason']}): {failure['detail']['message']}.")
    return "\n".join(failed) or "Nothing has failed."


async def changes(run: RunReader, state: State) -> str:
    files = [f"{each.change} {each.path} (+{each.additions} -{each.deletions})" for each in await run.files()]
    return "\n".join(["It changed:", *files]) if files else "It has told of no changed files."
