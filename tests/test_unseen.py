"""Text from elsewhere says what it is: in logs, on terminals and on pages."""

from __future__ import annotations

import logging
import sys
import unicodedata

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.boot.report import report
from fabro_core.cli.failures import exit_code
from fabro_core.cli.verdict import shown
from fabro_core.client.faults import ClientFailed, Refused
from fabro_core.context import Problem
from fabro_core.errors import StartupError
from fabro_core.models.graph import WorkflowDiagnostic
from fabro_core.server.logs import TextFormatter
from fabro_core.unseen import escaped, escaped_for_page
from fabro_core.web.pages import cli_confirm_page

VISIBLE_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""Signs before numbers: Unicode counts them as formats, and they are seen."""

UNSEEN = frozenset(
    character
    for character in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in VISIBLE_FORMATS
)
DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

TEXTS = st.text(st.one_of(st.sampled_from(sorted(UNSEEN)), st.characters()))


@given(TEXTS)
def test_nothing_unseen_is_left_in_a_line(text: str) -> None:
    line = escaped(text)

    assert UNSEEN.isdisjoint(line)
    assert escaped(line) == line
    line.encode()


def test_every_unseen_character_is_spelled_out() -> None:
    assert [character for character in UNSEEN if escaped(character) == character] == []


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="\u115f\u1160\u3164\uffa0")))
def test_what_is_seen_stays(text: str) -> None:
    assert escaped(text) == text
    assert escaped_for_page(text) == text


@given(TEXTS)
def test_nothing_in_a_page_turns_around_or_cannot_be_written(text: str) -> None:
    written = escaped_for_page(text)

    assert DIRECTIONS.isdisjoint(written)
    assert {each for each in written if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp")} <= {"\t", "\n", "\r"}
    assert "\u200b" not in written
    written.encode()


@pytest.mark.parametrize(
    "text", ["\u0645\u06cc\u200c\u062e\u0648", "\U0001f469\u200d\U0001f680", "\u2764\ufe0f", "a\n\tb"]
)
def test_pages_keep_what_writing_systems_and_pictures_need(text: str) -> None:
    assert escaped_for_page(text) == text


# -- everywhere that text from elsewhere is shown --------------------------------------------------------------------

HOSTILE = "a\x1b[2J\x9b1m\u202eb\u200bc\r\nd"


def logged(text: str) -> str:
    record = logging.LogRecord("fabro.access", logging.INFO, __file__, 1, text, None, None)
    record.fabro = {"path": text, "login": text}
    return TextFormatter().format(record)


def told_by_the_command(error: Exception) -> str:
    @click.command()
    def command() -> None:
        assert isinstance(error, ClientFailed | StartupError)
        exit_code(error)

    return CliRunner().invoke(command).output.removesuffix("\n")


DIAGNOSTIC = WorkflowDiagnostic(rule=HOSTILE, severity="error", message=HOSTILE, source_path=HOSTILE, line=1, column=1)

SHOWN = {
    "a line of the log": lambda: logged(HOSTILE),
    "what a server answered": lambda: str(Refused(400, None, HOSTILE, server=HOSTILE)),
    "how a command fails": lambda: told_by_the_command(ClientFailed(HOSTILE.replace("\r\n", ""))),
    "a diagnostic": lambda: shown(DIAGNOSTIC, HOSTILE),
}


@pytest.mark.parametrize("place", SHOWN)
def test_a_text_from_elsewhere_is_one_line_that_moves_nothing(place: str) -> None:
    text = SHOWN[place]()

    assert UNSEEN.isdisjoint(text)
    assert "\\u001b[2J" in text


def test_a_page_shows_what_a_name_is_made_of() -> None:
    page = cli_confirm_page(login=HOSTILE, address=HOSTILE, flow="f", action="/", prefix="").decode()

    assert page.count("a\\u001b[2J\\u009b1m\\u202eb\\u200bc") >= 2
    assert not set("\x1b\x9b\u202e\u200b").intersection(page)


def test_the_report_of_a_start_has_a_line_for_each_problem() -> None:
    problems = [Problem(path="server.api.url", message=HOSTILE.replace("\r\n", "")), Problem(path="x", message="y")]

    lines = report(problems).split("\n")

    assert len(lines) == 4
    assert UNSEEN.isdisjoint("".join(lines))
