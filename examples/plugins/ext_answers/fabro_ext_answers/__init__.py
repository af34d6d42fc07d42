"""Answers questions about runs from what their logs say: an extension for Fabro Server."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fabro_core import PluginContext, hookimpl
from fabro_core.sessions import SessionResponder

from fabro_ext_answers.answers import Answers

FABRO_PLUGIN_API = 1


class AnswersSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    output_chars: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 2000
    """How much of the last output an answer shows."""


@hookimpl
def fabro_settings() -> type[AnswersSettings]:
    return AnswersSettings


@hookimpl
def fabro_session_responder(ctx: PluginContext) -> SessionResponder:
    return Answers(output_chars=ctx.settings.output_chars)
