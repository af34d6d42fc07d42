"""The stylesheet of a graph (language.md L7)."""

from __future__ import annotations

import pytest

from fabro_core.models.graph import String
from fabro_core.runs.workflow.stylesheet import StylesheetError, parse_stylesheet
from tests.runs.workflow.graphs import attrs, rules


def model(sheet: str, node: str = "a [prompt=p]") -> str | None:
    value = attrs(f'model_stylesheet="{sheet}" {node}', node.split()[0].strip('"')).get("model")
    return value.value if isinstance(value, String) else None


@pytest.mark.parametrize(
    ("sheet", "node", "expected"),
    [
        ("* { model: m }", "a", "m"),
        ("*{model:m}", "a", "m"),
        ("* { model: m; }", "a", "m"),
        ("* { ;; model : m ;; }", "a", "m"),
        ("* { model: a b 'c' }", "a", "a b 'c'"),
        ("/* x */ * /* y */ { /* z */ model /* : */ : m /* w */ }", "a", "m /* w */"),
        ("* { model: m } * { model: n }", "a", "n"),
        ("* { model: m; model: n }", "a", "n"),
        ("tab { model: t } * { model: m }", "a [shape=tab]", "t"),
        (".x { model: c } tab { model: t }", "a [shape=tab, class=x]", "c"),
        ("#a { model: i } .x { model: c }", "a [class=x]", "i"),
        (".y { model: n } .x { model: c }", 'a [class="x y"]', "c"),
        (".x { model: c } .y { model: n }", 'a [class="x y"]', "n"),
        ("box { model: b }", "a", "b"),
        ("parallelogram { model: b }", "a [script=x]", "b"),
        ("box { model: b }", "a [script=x, type=robot]", "b"),
        ("Mdiamond { model: s }", "a [shape=Mdiamond]", "s"),
        ("* { model: m }", "a [model=own]", "own"),
        ("* { colour: m }", "a", None),
        ("* { llm_model: m }", "a", None),
        ("tab { model: t }", "a", None),
        ("* { }", "a", None),
        ("", "a", None),
        ("* { model: m", "a", None),
    ],
)
def test_the_most_specific_and_then_the_last_rule_counts(sheet: str, node: str, expected: str | None) -> None:
    assert model(sheet, node) == expected


def test_a_default_is_not_replaced_and_each_property_is_decided_by_itself() -> None:
    body = 'model_stylesheet="* { model: m; speed: fast } #a { model: i }" node [speed=slow] a'
    assert attrs(body, "a") == {"speed": String("slow"), "model": String("i")}


@pytest.mark.parametrize(
    ("sheet", "expected"),
    [
        ("* model: x; }", '"{" is expected at "model: x; }"'),
        (".Fast { model: x }", "a selector"),
        (".fast_x { }", '"{" is expected at "_x { }"'),
        ("a, b { }", '"{" is expected at ", b { }"'),
        ("a b { }", '"{" is expected'),
        ("* { model x }", '":" is expected at "x }"'),
        ("* { model: ; }", "a value is expected"),
        ("* { model: }", "a value is expected"),
        ("* { model: x", "at the end"),
        ("* { model", '":" is expected at the end'),
        ("* {", "at the end"),
        ("// x", "a selector"),
        ("/* x", "not closed"),
        ("* { /* x }", "not closed"),
        ("? { }", 'a selector: *, a shape, .class or #id is expected at "? { }"'),
        ("* { } " + "?" * 50, 'at "' + "?" * 20 + '"'),
    ],
)
def test_a_sheet_that_cannot_be_read_says_what_is_expected_where(sheet: str, expected: str) -> None:
    with pytest.raises(StylesheetError) as caught:
        parse_stylesheet(sheet)
    assert expected in str(caught.value)


def test_a_sheet_that_cannot_be_read_is_an_error_and_nothing_of_it_is_applied() -> None:
    assert rules('model_stylesheet="* { model: m } ?" start -> end') == ["stylesheet_syntax"]
    assert model("* { model: m } ?") is None
