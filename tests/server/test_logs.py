"""The form of log lines (server.md S26)."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from fabro_core.server.logs import JsonFormatter, TextFormatter


def record(message: str, fields: dict[str, object] | None = None) -> logging.LogRecord:
    made = logging.LogRecord("fabro.access", logging.INFO, __file__, 1, message, None, None)
    made.created, made.msecs = 1785578400.25, 250.0
    if fields is not None:
        made.fabro = fields
    return made


def failed_record() -> logging.LogRecord:
    try:
        raise LookupError("gone\x1b[2J")
    except LookupError:
        made = record("failed")
        made.exc_info = sys.exc_info()
    return made


def test_text_has_one_line_with_the_fields() -> None:
    line = TextFormatter().format(record("request", {"path": "/a b", "status": 200, "login": ""}))

    assert line == '2026-08-01T10:00:00.250Z INFO fabro.access request path="/a b" status=200 login=""'


@pytest.mark.parametrize("character", ["\n", "\r", "\x1b", "\x00", "\x7f", "\x9b", "\u2028"])
def test_control_characters_are_escaped_in_text(character: str) -> None:
    line = TextFormatter().format(record(f"a{character}b", {"path": f"/x{character}y"}))

    assert character not in line
    assert f"\\u{ord(character):04x}" in line


@pytest.mark.parametrize(
    "character",
    ["\u202e", "\u2066", "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u061c", "\u3164", "\ufe0f", "\ud800"],
)
def test_unseen_characters_are_escaped_in_text(character: str) -> None:
    line = TextFormatter().format(record(f"a{character}b", {"path": f"/x{character}y"}))

    assert character not in line
    assert line.count(f"\\u{ord(character):04x}") == 2


def test_unseen_characters_of_the_upper_planes_are_escaped_in_text() -> None:
    assert "path=/x\\U000e0041y" in TextFormatter().format(record("a", {"path": "/x\U000e0041y"}))


def test_other_letters_are_shown_as_they_are() -> None:
    assert "path=/caf\u00e9/\u5de5\u4f5c/\U0001f680" in TextFormatter().format(
        record("a", {"path": "/caf\u00e9/\u5de5\u4f5c/\U0001f680"})
    )


def test_a_traceback_is_indented_and_escaped() -> None:
    lines = TextFormatter().format(failed_record()).split("\n")

    assert lines[0].endswith("INFO fabro.access failed")
    assert {line[:2] for line in lines[1:]} == {"  "}
    assert lines[-1] == "  LookupError: gone\\u001b[2J"


def test_json_has_one_object_a_line() -> None:
    line = JsonFormatter().format(record("request", {"path": "/a\nb", "status": 200}))

    assert "\n" not in line
    assert json.loads(line) == {
        "ts": "2026-08-01T10:00:00.250Z",
        "level": "info",
        "logger": "fabro.access",
        "message": "request",
        "path": "/a\nb",
        "status": 200,
    }


def test_json_carries_a_traceback() -> None:
    document = json.loads(JsonFormatter().format(failed_record()))

    assert document["exception"].endswith("LookupError: gone\x1b[2J")
