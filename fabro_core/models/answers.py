"""Answers to questions as they are submitted (events.md E8)."""

from __future__ import annotations

from typing import Annotated

import msgspec


class SubmitAnswerYesRequest(msgspec.Struct, frozen=True, tag="yes", tag_field="kind"):
    """To a question of yes or no."""


class SubmitAnswerNoRequest(msgspec.Struct, frozen=True, tag="no", tag_field="kind"):
    """To a question of yes or no."""


class SubmitAnswerSelectedRequest(msgspec.Struct, frozen=True, kw_only=True, tag="selected", tag_field="kind"):
    option_key: str


class SubmitAnswerMultiSelectedRequest(
    msgspec.Struct, frozen=True, kw_only=True, tag="multi_selected", tag_field="kind"
):
    option_keys: list[str]


class SubmitAnswerTextRequest(msgspec.Struct, frozen=True, kw_only=True, tag="text", tag_field="kind"):
    text: Annotated[str, msgspec.Meta(pattern=r"\S")]
    """Not blank."""


SubmitAnswerRequest = (
    SubmitAnswerYesRequest
    | SubmitAnswerNoRequest
    | SubmitAnswerSelectedRequest
    | SubmitAnswerMultiSelectedRequest
    | SubmitAnswerTextRequest
)
