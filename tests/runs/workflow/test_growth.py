"""What a text costs grows with its length and no faster, whatever is in it (language.md L1)."""

from __future__ import annotations

from contextlib import suppress

import pytest

from fabro_core.errors import InvalidRequest
from fabro_core.runs.workflow.conditions import ConditionError, parse_condition
from fabro_core.runs.workflow.grammar import MAX_SYMBOLS, parse
from fabro_core.runs.workflow.imports import MAX_IMPORTED_SYMBOLS
from fabro_core.runs.workflow.source import Source
from fabro_core.runs.workflow.stylesheet import StylesheetError, parse_stylesheet
from tests.growth import MOST_GROWTH, Make, growth, numbered, repeated
from tests.runs.workflow.graphs import compiled_text, diagnosed

pytestmark = pytest.mark.slow

TEXTS: dict[str, Make[str]] = {
    "open string": repeated('digraph D { a [x="', 'y\\"'),
    "open comment": repeated("digraph D { /*", "* "),
    "quotes": repeated("digraph D { a [x=", '""'),
    "backslashes": repeated('digraph D { a [x="', "\\"),
    "comments": repeated("digraph D { ", "/**/", "}"),
    "line comments": repeated("digraph D { ", "//\n", "}"),
    "slashes": repeated("digraph D { a [x=", "/x"),
    "blanks": repeated("digraph D { ", " \n", "}"),
    "braces": repeated("digraph D { ", "{ "),
    "subgraphs": repeated("digraph D { ", "subgraph { } ", "}"),
    "chain": repeated("digraph D { a ", "->a ", "}"),
    "nodes": numbered("digraph D { start end ", "n{0} ", "}"),
    "edges": numbered("digraph D { start end ", "n{0} -> n{1} ", "}"),
    "path": numbered("digraph D { start end start -> n0 ", "n{0} [prompt=p] n{0} -> n{1} ", "}"),
    "attributes": numbered("digraph D { a [", "x{0}=1 ", "] }"),
    "defaults": numbered("digraph D { ", "node [x{0}=1] edge [x{0}=1] ", "}"),
    "classes": numbered('digraph D { a [class="', "c{0} ", '"] }'),
    "labels": numbered("digraph D { ", "subgraph {{ label=l{0} a }} ", "}"),
    "typing errors": numbered("digraph D { start end start -> end ", "b [type=t{0}, fidelity=f{0}] ", "}"),
    "near ids": numbered("digraph D { start end start -> end ", "number{0} [prompt=p] start -> numbr{0} ", "}"),
    "retry targets": numbered("digraph D { start end start -> end ", "number{0} [retry_target=numbr{0}] ", "}"),
    "conditions": numbered("digraph D { start end start -> a a -> end ", 'a -> end [condition="x{0}=1"] ', "}"),
    "digits": repeated("digraph D { a [x=", "1", "] }"),
    "words": repeated("digraph D { a [x=", "a", "] }"),
    "dots": repeated("digraph D { ", "a.", "}"),
    "threads": numbered("digraph D { start end ", "f{0} [shape=component] b{0} [thread_id=t] f{0} -> b{0} ", "}"),
    "stylesheet": numbered('digraph D { start end a b c model_stylesheet="', "#n{0} {{ model: m }} ", '" }'),
}

SHEETS: dict[str, Make[str]] = {
    "open comments": repeated("", "/* "),
    "comments": repeated("", "/**/"),
    "slashes": repeated("* { ", "/"),
    "selectors": repeated("", "a-"),
    "values": repeated("* { model: ", "a "),
    "semicolons": repeated("* {", ";"),
    "rules": numbered("", ".c{0} {{ model: m }} "),
}

CONDITIONS: dict[str, Make[str]] = {
    "blanks": repeated("a", " "),
    "negations": repeated("", "!"),
    "quotes": repeated("a=", '"'),
    "backslashes": repeated('a="', "\\"),
    "clauses": repeated("a", "&&a"),
    "signs": repeated("", "&|"),
    "words": repeated("", "a "),
}


def compiling(text: str) -> None:
    with suppress(InvalidRequest):
        compiled_text(text)


def parsing(text: str) -> None:
    with suppress(InvalidRequest):
        parse(Source("w.fabro", text))


def reading_sheet(text: str) -> None:
    with suppress(StylesheetError):
        parse_stylesheet(text)


def reading_condition(text: str) -> None:
    with suppress(ConditionError):
        parse_condition(text)


@pytest.mark.parametrize("name", TEXTS)
def test_compiling_takes_time_in_proportion_to_the_text(name: str) -> None:
    assert growth(compiling, TEXTS[name]) <= MOST_GROWTH


@pytest.mark.parametrize("name", TEXTS)
def test_parsing_takes_time_in_proportion_to_the_text(name: str) -> None:
    assert growth(parsing, TEXTS[name]) <= MOST_GROWTH


@pytest.mark.parametrize("name", SHEETS)
def test_reading_a_stylesheet_takes_time_in_proportion_to_the_text(name: str) -> None:
    assert growth(reading_sheet, SHEETS[name]) <= MOST_GROWTH


@pytest.mark.parametrize("name", CONDITIONS)
def test_reading_a_condition_takes_time_in_proportion_to_the_text(name: str) -> None:
    assert growth(reading_condition, CONDITIONS[name]) <= MOST_GROWTH


def test_imported_files_may_have_so_many_symbols_together() -> None:
    """Each within its own bound, whether it can be read or not: nobody can stop the thread that reads them."""
    part = "digraph P { start end a start -> a -> end " + "a " * (MAX_SYMBOLS // 2 - 20)
    number = MAX_IMPORTED_SYMBOLS // (MAX_SYMBOLS // 2) + 2
    files = {f"p{index}.fabro": part + ("" if index % 2 else "}") for index in range(number)}
    nodes = " ".join(f'i{index} [import="p{index}.fabro"] start -> i{index} -> end' for index in range(number))
    reasons = [each.message for each in diagnosed(nodes, files=files) if each.rule == "import_error"]
    assert len(reasons) == number // 2 + 1  # every second one, and the last
    assert [reason for reason in reasons if "too many symbols together" in reason] == reasons[-2:]
