"""The typed properties of events (events.md E22): what is required, what is checked, and what is nobody's business."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fabro_core.models.events import PROPERTIES
from tests.runs.samples import MODEL, SAMPLES, TIMING, TOKENS

PAIRS = [(name, key) for name, properties in SAMPLES.items() for key in properties]


def decoded(name: str, properties: dict[str, Any]) -> object:
    return msgspec.json.decode(msgspec.json.encode(properties), type=PROPERTIES[name])


def test_every_typed_event_has_a_sample() -> None:
    assert SAMPLES.keys() == PROPERTIES.keys()


@pytest.mark.parametrize("name", SAMPLES)
def test_the_required_properties_are_enough_and_further_ones_are_ignored(name: str) -> None:
    assert decoded(name, SAMPLES[name]) == decoded(name, {**SAMPLES[name], "beyond": {"the": "catalogue"}})


@pytest.mark.parametrize(("name", "key"), PAIRS)
def test_a_required_property_cannot_be_left_out(name: str, key: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decoded(name, {each: value for each, value in SAMPLES[name].items() if each != key})


ANY_JSON = {"arguments", "output", "error", "details", "usage"}


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name, key in PAIRS if key not in ANY_JSON and name != "run.created"]
)
def test_a_property_of_another_type_is_refused(name: str, key: str) -> None:
    wrong = 5 if isinstance(SAMPLES[name][key], str) else "text"
    with pytest.raises(msgspec.ValidationError):
        decoded(name, {**SAMPLES[name], key: wrong})


@pytest.mark.parametrize("number", [-1, 2**63, 1.5, True, "1"])
def test_a_number_is_a_whole_one_from_0_to_63_bits(number: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        decoded("agent.round.interrupted", {"visit": 1, "generation": number})


@pytest.mark.parametrize("number", [0, 2**63 - 1])
def test_the_least_and_the_greatest_number_are_fine(number: int) -> None:
    assert decoded("agent.round.interrupted", {"visit": 1, "generation": number})


DERIVED: list[tuple[str, Callable[[int], dict[str, Any]]]] = [
    ("run.completed", lambda number: {"diff_summary": {"files_changed": 1, "additions": number, "deletions": number}}),
    ("run.completed", lambda number: {"timing": {**TIMING, "wall_time_ms": number}}),
    ("run.completed", lambda number: {"total_usd_micros": number}),
    ("stage.failed", lambda number: {"timing": {**TIMING, "tool_time_ms": number}}),
    (
        "checkpoint.completed",
        lambda number: {"diff_summary": {"files_changed": number, "additions": 0, "deletions": 0}},
    ),
    ("agent.message", lambda number: {"billing": {**TOKENS, "total_tokens": number}}),
    ("command.completed", lambda number: {"output_bytes": number}),
    ("interview.completed", lambda number: {"duration_ms": number}),
    ("artifact.captured", lambda number: {"bytes": number}),
    ("pull_request.created", lambda number: {"pr_number": number}),
]
"""Properties that are measured or added up (server.md S10)."""


@pytest.mark.parametrize(("name", "told"), DERIVED)
def test_what_is_measured_or_added_up_is_at_most_what_every_reader_has_exactly(
    name: str, told: Callable[[int], dict[str, Any]]
) -> None:
    assert decoded(name, {**SAMPLES[name], **told(2**53 - 1)})
    for number in (2**53, 2**63 - 1, 10**4_000, -(2**53)):
        with pytest.raises(msgspec.ValidationError):
            decoded(name, {**SAMPLES[name], **told(number)})


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("stage.completed", {"status": "cancelled"}),
        ("run.blocked", {"blocked_reason": "bored"}),
        ("run.failed", {"failure": {"reason": "tired", "detail": {"message": "m", "category": "canceled"}}}),
        ("run.failed", {"failure": {"reason": "cancelled", "detail": {"message": "m", "category": "cancelled"}}}),
        ("run.failed", {"timing": {key: value for key, value in TIMING.items() if key != "tool_time_ms"}}),
        ("agent.message", {"billing": {**TOKENS, "input_tokens": "many"}}),
        ("agent.message", {"model": {"provider": MODEL["provider"]}}),
        ("agent.session.activated", {"capabilities": ["fly"]}),
        ("interview.started", {"options": [{"key": "A"}]}),
        ("interview.started", {"review_target": {"label": "", "url": "https://example.com", "kind": "document"}}),
        ("interview.started", {"review_target": {"label": "D", "url": "ftp://example.com", "kind": "document"}}),
        ("git.push", {"success": 1}),
    ],
)
def test_what_is_inside_a_property_is_checked_too(name: str, changes: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        decoded(name, {**SAMPLES[name], **changes})


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("run.started", "goal"),
        ("stage.completed", "billing"),
        ("sandbox.initialized", "image"),
        ("todo.created", "visit"),
    ],
)
def test_null_stands_for_an_optional_property_that_is_not_there(name: str, key: str) -> None:
    assert decoded(name, {**SAMPLES[name], key: None}) == decoded(name, SAMPLES[name])
