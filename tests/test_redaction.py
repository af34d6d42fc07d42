"""Taking values out of texts and of JSON, which stays JSON (events.md E2)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.redaction import REDACTED, Redaction

VALUES = st.lists(st.text(min_size=8, max_size=20), min_size=1, max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=30),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=12), each, max_size=4),
    max_leaves=20,
)


def strings(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for each in value for text in strings(each)]
        case dict():
            return [text for key, each in value.items() for text in (key, *strings(each))]
        case _:
            return []


@given(VALUES, JSON, st.booleans(), st.data())
def test_no_string_keeps_a_value_however_it_is_spelt(
    values: list[str], around: Any, ascii_alone: bool, data: st.DataObject
) -> None:
    hidden = "<" + data.draw(st.sampled_from(values)) + ">"
    body = json.dumps({"before": around, "here": [hidden], hidden: around}, ensure_ascii=ascii_alone).encode(
        "utf-8", "surrogatepass"
    )
    read = json.loads(Redaction(values).json(body))
    kept = [text for text in strings(read) for value in values if value in text and value not in REDACTED]
    assert kept == []


@given(VALUES, JSON)
def test_what_holds_no_value_stays_byte_for_byte(values: list[str], value: Any) -> None:
    body = json.dumps(value).encode()
    if not any(each in text for each in values for text in strings(value)):
        assert Redaction(values).json(body) == body


def test_a_number_is_no_text() -> None:
    body = b'{"seq":12345678,"text":"it is 12345678"}'
    assert Redaction(["12345678"]).json(body) == b'{"seq":12345678,"text":"it is [REDACTED]"}'


def test_a_value_that_would_end_a_string_does_not_break_the_object_that_it_is_found_in() -> None:
    body = b'{"a":"x\\\\","bcdefgh":1}'
    assert json.loads(Redaction(['","bcdefgh']).json(body)) == {"a": "x\\", "bcdefgh": 1}


def test_of_two_values_the_longer_goes_as_a_whole() -> None:
    assert Redaction(["password", "password-of-ann"]).text("password-of-ann") == REDACTED


@pytest.mark.parametrize("short", ["", "hunter2"])
def test_what_is_shorter_than_eight_characters_stays(short: str) -> None:
    redaction = Redaction([short])
    assert redaction.text("hunter2") == "hunter2"
    assert redaction.json(b'["hunter2"]') == b'["hunter2"]'


def test_content_is_redacted_as_text_is() -> None:
    assert Redaction(["pässword"]).content("a pässword".encode() + b"\xff") == b"a [REDACTED]\xff"
