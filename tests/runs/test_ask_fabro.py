"""Whether a run can be asked about, by what its log says and what replies (runs.md R5.8)."""

from __future__ import annotations

import json

import msgspec
import pytest

from fabro_core.models.run import AskFabro
from fabro_core.runs.fold.ask_fabro import AskFabroSplicer, ResponderNeeds

Reason = str | None

NO_SANDBOX, NOT_READY, UNCONFIGURED = "no_sandbox", "sandbox_not_ready", "llm_unconfigured"


def body(reason: str) -> bytes:
    """A Run as it is stored, whose goal tries to look like the member."""
    asked = msgspec.convert({"available": False, "unavailable_reason": reason, "default_model": None}, AskFabro)
    forged = '"ask_fabro":{"available":false,"unavailable_reason":"no_sandbox","default_model":null}'
    return msgspec.json.encode({"goal": forged, "ask_fabro": asked, "diff": None})


@pytest.mark.parametrize(
    ("needs_sandbox", "needs_model", "model", "told"),
    [
        (False, False, None, {NO_SANDBOX: None, NOT_READY: None, UNCONFIGURED: None}),
        (False, True, "small", {NO_SANDBOX: None, NOT_READY: None, UNCONFIGURED: None}),
        (False, True, None, {NO_SANDBOX: UNCONFIGURED, NOT_READY: UNCONFIGURED, UNCONFIGURED: UNCONFIGURED}),
        (True, False, None, {NO_SANDBOX: NO_SANDBOX, NOT_READY: NOT_READY, UNCONFIGURED: None}),
        (True, True, "small", {NO_SANDBOX: NO_SANDBOX, NOT_READY: NOT_READY, UNCONFIGURED: None}),
        (True, True, None, {NO_SANDBOX: NO_SANDBOX, NOT_READY: NOT_READY, UNCONFIGURED: UNCONFIGURED}),
    ],
)
def test_the_first_reason_that_applies_to_what_replies_is_told(
    needs_sandbox: bool, needs_model: bool, model: str | None, told: dict[str, Reason]
) -> None:
    needs = ResponderNeeds(needs_sandbox=needs_sandbox, needs_model=needs_model, default_model=model)
    splicer = AskFabroSplicer(needs)
    for stored, reason in told.items():
        before, after = json.loads(body(stored)), json.loads(splicer.spliced(body(stored)))
        assert after == {
            **before,
            "ask_fabro": {"available": reason is None, "unavailable_reason": reason, "default_model": model},
        }
