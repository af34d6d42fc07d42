"""Questions that a run asks people (events.md E8): pending ones as a fold of events, and what answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

import msgspec

from fabro_core.errors import Conflict
from fabro_core.models.events import Envelope, Properties, stages
from fabro_core.models.instant import Instant, ms_of_instant
from fabro_core.models.run import ApiQuestion, QuestionType

if TYPE_CHECKING:
    from collections.abc import Mapping


class QuestionNotPending(Conflict):
    """The question is unknown, answered, timed out or interrupted: 409 `question_not_pending`."""

    def __init__(self, question_id: str) -> None:
        super().__init__(f"The question {question_id} is not pending.", code="question_not_pending")


class PendingQuestion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question, when it was asked, and where in the workflow."""

    question: ApiQuestion
    started_at: Instant
    node_id: str | None = None
    node_label: str | None = None
    stage_id: str | None = None


Questions = dict[str, PendingQuestion]
"""Pending questions by their ids."""


def questions_after(pending: Questions, event: Envelope, properties: Properties) -> Questions:
    """The pending questions after an event. Raises `QuestionNotPending` for the end of one that is not (E3)."""
    match properties:
        case stages.InterviewStarted(question_id=question_id) if question_id:
            return {**pending, question_id: _asked(event, properties)}
        case (
            stages.InterviewCompleted(question_id=question_id)
            | stages.InterviewTimeout(question_id=question_id)
            | stages.InterviewInterrupted(question_id=question_id)
        ) if question_id:
            if question_id not in pending:
                raise QuestionNotPending(question_id)
            return {each: question for each, question in pending.items() if each != question_id}
        case _:
            return pending


def earliest(pending: Mapping[str, PendingQuestion]) -> ApiQuestion | None:
    """The question that was asked first, by its id among several of one instant (runs.md R5.2)."""
    first = min(pending.values(), key=lambda each: (ms_of_instant(each.started_at), each.question.id), default=None)
    return None if first is None else first.question


def _asked(event: Envelope, asked: stages.InterviewStarted) -> PendingQuestion:
    known = asked.question_type in get_args(QuestionType)
    question = ApiQuestion(
        id=asked.question_id,
        text=asked.question,
        stage=asked.stage,
        question_type=cast("QuestionType", asked.question_type) if known else "freeform",
        options=asked.options or [],
        allow_freeform=asked.allow_freeform,
        timeout_seconds=asked.timeout_seconds,
        context_display=asked.context_display,
        review_target=asked.review_target,
    )
    return PendingQuestion(
        question=question,
        started_at=event.ts,
        node_id=event.node_id,
        node_label=event.node_label,
        stage_id=event.stage_id,
    )
