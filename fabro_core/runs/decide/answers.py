"""Answering a question of a run (events.md E8): whether an answer fits, and the events that record it.

A question is pending in the projection that the events are appended to, so of several answers at once one is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from fabro_core.clock import Clock, epoch_ms
from fabro_core.errors import Conflict, InvalidRequest, RunArchived
from fabro_core.models import answers, events
from fabro_core.models.answers import SubmitAnswerRequest
from fabro_core.models.events import JsonObject
from fabro_core.models.events.stages import InterviewCompleted
from fabro_core.models.instant import ms_of_instant
from fabro_core.models.run import ApiQuestion
from fabro_core.models.status import RunStatus, RunStatusBlocked, RunStatusPaused, RunStatusRunning
from fabro_core.models.type_faults import type_fault
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.questions import QuestionNotPending
from fabro_core.runs.log.entry import Change, Place, PlacedChange


def answer(question_id: str, submission: JsonObject, clock: Clock) -> Callable[[Projection], Sequence[Change]]:
    """Answer a question and, when nothing else is asked, let a blocked run go on; `submission` is kept for machines.

    Raises `InvalidRequest` for a submission that answers no question at all.
    """
    given = _read(submission)

    def decide(run: Projection) -> Sequence[Change]:
        if run.archived:
            raise RunArchived
        if not isinstance(run.status, RunStatusRunning | RunStatusBlocked | RunStatusPaused):
            raise Conflict("Only a run that is running, blocked or paused takes answers.")
        asked = run.questions.get(question_id)
        if asked is None:
            raise QuestionNotPending(question_id)
        completed = InterviewCompleted(
            question_id=question_id,
            question=asked.question.text,
            answer=answer_text(asked.question, given),
            duration_ms=max(0, epoch_ms(clock.now()) - ms_of_instant(asked.started_at)),
            submission=submission,
        )
        placed = PlacedChange(completed, Place(asked.node_id, asked.node_label, asked.stage_id))
        goes_on = run.questions.keys() == {question_id} and _waits(run.status)
        return (placed, events.RunUnblocked()) if goes_on else (placed,)

    return decide


def answer_text(question: ApiQuestion, given: SubmitAnswerRequest) -> str:
    """The answer as the log tells it. Raises `InvalidRequest` when it does not fit the question."""
    match given, question.question_type:
        case answers.SubmitAnswerYesRequest(), "yes_no" | "confirmation":
            return "yes"
        case answers.SubmitAnswerNoRequest(), "yes_no" | "confirmation":
            return "no"
        case answers.SubmitAnswerSelectedRequest(option_key=key), "multiple_choice":
            return _existing(question, key)[0]
        case answers.SubmitAnswerMultiSelectedRequest(option_keys=keys), "multi_select":
            return ", ".join(_existing(question, *dict.fromkeys(keys)))
        case answers.SubmitAnswerTextRequest(text=text), kind if kind == "freeform" or question.allow_freeform:
            return text
        case _, kind:
            raise InvalidRequest(f"The answer does not fit a question of the type {kind}.")


def _read(submission: JsonObject) -> SubmitAnswerRequest:
    try:
        given: SubmitAnswerRequest = msgspec.convert(submission, SubmitAnswerRequest)
    except msgspec.ValidationError as error:
        raise InvalidRequest(type_fault(error).line()) from error
    return given


def _existing(question: ApiQuestion, *keys: str) -> Sequence[str]:
    known = {option.key for option in question.options}
    for key in keys:
        if key not in known:
            raise InvalidRequest(f'The question has no option "{key}".')
    return keys


def _waits(status: RunStatus) -> bool:
    """The run is blocked, or is paused and was blocked before."""
    return isinstance(status, RunStatusBlocked) or (
        isinstance(status, RunStatusPaused) and status.prior_block is not None
    )
