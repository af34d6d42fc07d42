"""Templates of goals and prompts: what they say, what they may not, and that none takes long (language.md L10)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.runs.templates.faults import Misuse, TemplateFault, TemplatePlace
from fabro_core.runs.templates.filters import FILTERS
from fabro_core.runs.templates.marks import is_template
from fabro_core.runs.templates.predicates import PREDICATES
from fabro_core.runs.templates.render import Rendered, TemplateFile, Unbound, render
from fabro_core.runs.templates.work import MAX_TEXT_CHARS, Work

NAMES = {
    "inputs": {"who": "Bo", "n": 4, "f": 2.0, "deep": True, "none": None, "l": [3, 1, 2], "m": {"b": 1, "a": [1, "x"]}},
    "vars": {"REGION": "eu-1"},
    "goal": "Ship it",
}
FILES = {
    "rules.md": "be kind to {{ inputs.who }}",
    "base.md": "<{% block body %}base{% endblock %}|{% block end %}.{% endblock %}>",
    "middle.md": "{% extends 'base.md' %}{% block body %}middle {{ super() }}{% endblock %}",
    "tools.md": "{% set k = 5 %}{% macro pair(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}",
    "cycle.md": "{% include 'cycle.md' %}",
    "broken.md": "fine\n{% if %}",
    "unbound.md": "one\n  {{ inputs.gone }}",
}


def load(path: str | None, reference: str) -> TemplateFile | None:
    if reference.startswith("../"):
        raise Misuse(f'the path "{reference}" leads out')
    return TemplateFile(reference, FILES[reference]) if reference in FILES else None


def rendered(text: str, names: Mapping[str, Any] = NAMES, *, steps: int = 400_000) -> Rendered:
    return render(text, names, load, Work(steps=steps))


def fault(text: str) -> TemplateFault:
    with pytest.raises(TemplateFault) as caught:
        rendered(text)
    return caught.value


# -- what they say ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{ inputs.who }} {{ inputs['who'] }} {{ vars.REGION }} {{ goal }}", "Bo Bo eu-1 Ship it"),
        ("{% if inputs.deep %}deep{% elif 1 %}x{% else %}flat{% endif %}", "deep"),
        ("{% for n in [1, 2] %}{{ n }};{% else %}none{% endfor %}", "1;2;"),
        ("{% for n in [] %}{{ n }};{% else %}none{% endfor %}", "none"),
        ("{% for n in inputs.l if n > 1 %}{{ loop.index }}{{ ',' if not loop.last }}{% endfor %}", "1,2"),
        ("{% for k, v in inputs.m|items %}{{ k }}={{ v }};{% endfor %}", 'b=1;a=[1, "x"];'),
        ("{% for n in 'ab' %}{{ loop.cycle('x', 'y') }}{{ n }}{% endfor %}", "xayb"),
        ("{% for n in [1,1,2] %}{{ 'new' if loop.changed(n) else 'same' }} {% endfor %}", "new same new "),
        ("{% for n in [[1, [2]]] recursive %}{{ n if n is number else loop(n) }};{% endfor %}", "1;2;;;"),
        ("{% set x = 1 %}{% for n in [1] %}{% set x = 2 %}{% endfor %}{{ x }}", "1"),
        ("{% set ns = namespace(x=1) %}{% for n in [1] %}{% set ns.x = 2 %}{% endfor %}{{ ns.x }}", "2"),
        ("{% set a, b = 1, 2 %}{{ b }}{% set c %}text{% endset %}{{ c }}", "2text"),
        ("{% with a = 1 %}{{ a }}{% endwith %}{{ a is defined }}", "1false"),
        ("{% macro m(a, b='-') %}[{{ a }}{{ b }}]{% endmacro %}{{ m(1) }}{{ m(1, b=2) }}", "[1-][12]"),
        ("{% macro m() %}<{{ caller('y') }}>{% endmacro %}{% call(x) m() %}{{ x }}{% endcall %}", "<y>"),
        ("{% filter upper|trim %} abc {% endfilter %}", "ABC"),
        ("{% raw %}{{ x }}{% endraw %}{# note #}|", "{{ x }}|"),
        ("a  {%- if 1 -%}  b  {%- endif %}", "ab"),
        ("{{ inputs.gone|default('-') }} {{ inputs.gone is defined }} {{ inputs.gone == 1 }}", "- false false"),
        ("{{ inputs.n * 2 }} {{ 7 // 2 }} {{ 7 % 2 }} {{ 2 ** 3 }} {{ 1 / 4 }} {{ -inputs.n }}", "8 3 1 8 0.25 -4"),
        ("{{ 'a' ~ 1 ~ none }} {{ 'a' + 'b' }} {{ 'ab' * 2 }} {{ [1] + [2] }}", "a1none ab abab [1, 2]"),
        ("{{ 1 < 2 < 3 }} {{ 2 in [1, 2] }} {{ 'x' not in 'abc' }} {{ true and 'b' }}", "true true true b"),
        ("{{ 'a' if inputs.deep else 'b' }}{{ 'a' if not inputs.deep }}", "a"),
        ("{{ 'abc'[1] }}{{ 'abc'[1:] }}{{ inputs.l[-1] }}{{ inputs.m.a.1 }}", "bbc2x"),
        ("{% include 'rules.md' %}.", "be kind to Bo."),
        ("{% include 'gone.md' ignore missing %}.", "."),
        ("{% extends 'middle.md' %}{% block end %}!{% endblock %}", "<middle base|!>"),
        ("{% import 'tools.md' as t %}{{ t.pair(1) }} {{ t.k }}", "1-2 5"),
        ("{% from 'tools.md' import pair as p, k %}{{ p(1, b=3) }} {{ k }}", "1-3 5"),
        ("{{ range(3) }} {{ range(2, 8, 3)|list }} {{ dict(a=1) }}", '[0, 1, 2] [2, 5] {"a": 1}'),
    ],
)  # fmt: skip
def test_a_template_is_rendered(text: str, result: str) -> None:
    assert rendered(text) == (result, None)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("text", "text"),
        (True, "true"),
        (False, "false"),
        (None, "none"),
        (42, "42"),
        (2.0, "2.0"),
        (0.1, "0.1"),
        (1e22, "10000000000000000000000.0"),
        (1e-7, "0.0000001"),
        ([1, "ä", None, True, 2.0], '[1, "ä", null, true, 2.0]'),
        ({"a": {"b": []}, "c": {}}, '{"a": {"b": []}, "c": {}}'),
    ],
)
def test_values_print_as_the_language_says(value: Any, printed: str) -> None:
    assert rendered("{{ inputs.v }}", {"inputs": {"v": value}}).text == printed


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{ goal }}\n", "Ship it"),
        ("{{ goal }}\n\n", "Ship it\n"),
        ("{{ goal }}\r\n", "Ship it"),
        ("a\r\n{{ goal }}\rb\n", "a\r\nShip it\rb"),
        ("{% if goal -%}\r\n\r\n x{% endif %}", "x"),
        ("\x1c\r{{ goal }}", "\x1c\rShip it"),
    ],
)
def test_only_one_final_line_end_is_lost(text: str, result: str) -> None:
    assert rendered(text).text == result


def test_what_a_value_contains_is_not_rendered_again() -> None:
    assert rendered("{{ inputs.x }}", {"inputs": {"x": "{{ goal }}"}}).text == "{{ goal }}"


@pytest.mark.parametrize("text", ["", "plain {x} {y}", "{ {x} }", "%}"])
def test_a_text_without_marks_is_no_template(text: str) -> None:
    assert not is_template(text)


# -- filters and tests ------------------------------------------------------------------------------------------

FILTERED = {
    "abs": ("{{ -2|abs }}", "2"),
    "batch": ("{{ [1,2,3]|batch(2) }} {{ [1]|batch(2, 'x') }}", '[[1, 2], [3]] [[1, "x"]]'),
    "capitalize": ("{{ 'aB'|capitalize }}", "Ab"),
    "count": ("{{ [1]|count }}", "1"),
    "d": ("{{ gone|d('x') }}", "x"),
    "default": ("{{ ''|default('x', true) }}{{ ''|default('x') }}", "x"),
    "dictsort": ("{{ inputs.m|dictsort }}", '[["a", [1, "x"]], ["b", 1]]'),
    "first": ("{{ inputs.l|first }}", "3"),
    "float": ("{{ '1.5'|float }} {{ 'x'|float(2.5) }}", "1.5 2.5"),
    "indent": ("{{ 'a\n\nb'|indent(2) }}|{{ 'a'|indent(1, true) }}", "a\n\n  b| a"),
    "int": ("{{ '7'|int }} {{ 2.9|int }} {{ '2.9'|int }} {{ 'x'|int(3) }}", "7 2 2 3"),
    "items": ("{{ {'a': 1}|items }}", '[["a", 1]]'),
    "join": ("{{ [1, 'b', none]|join(', ') }}{{ [{'k': 1}]|join(attribute='k') }}", "1, b, none1"),
    "last": ("{{ inputs.l|last }}", "2"),
    "length": ("{{ 'äb'|length }}", "2"),
    "lines": ("{{ 'a\r\nb\n'|lines }}", '["a", "b"]'),
    "list": ("{{ 'ab'|list }} {{ inputs.m|list }}", '["a", "b"] ["b", "a"]'),
    "lower": ("{{ 'ÄB'|lower }}", "äb"),
    "map": ("{{ ['a']|map('upper')|list }} {{ [{'k': 1}, {}]|map(attribute='k', default=0) }}", '["A"] [1, 0]'),
    "max": ("{{ inputs.l|max }} {{ []|max is defined }}", "3 false"),
    "min": ("{{ inputs.l|min }} {{ ['b', 'A']|min }}", "1 A"),
    "reject": ("{{ [1, 2, 3]|reject('odd') }}", "[2]"),
    "rejectattr": ("{{ [{'a': 1}, {'b': 2}]|rejectattr('a') }}", '[{"b": 2}]'),
    "replace": ("{{ 'aXa'|replace('a', 'bb') }}", "bbXbb"),
    "reverse": ("{{ 'ab'|reverse }} {{ [1, 2]|reverse }}", "ba [2, 1]"),
    "round": ("{{ 2.75|round(1) }} {{ 2.1|round(0, 'ceil') }} {{ 7|round }}", "2.8 3.0 7"),
    "select": ("{{ [0, 1, 2]|select }} {{ [1, 2]|select('>', 1) }}", "[1, 2] [2]"),
    "selectattr": ("{{ [{'a': 1}, {'a': 2}]|selectattr('a', 'eq', 2) }}", '[{"a": 2}]'),
    "slice": ("{{ [1, 2, 3]|slice(2) }} {{ [1, 2, 3]|slice(2, 'x') }}", '[[1, 2], [3]] [[1, 2], [3, "x"]]'),
    "sort": ("{{ ['b', 'A']|sort }} {{ inputs.l|sort(reverse=true) }}", '["A", "b"] [3, 2, 1]'),
    "split": ("{{ 'a,b'|split(',') }} {{ ' a  b '|split }}", '["a", "b"] ["a", "b"]'),
    "string": ("{{ (1|string) ~ (true|string) }}", "1true"),
    "sum": ("{{ inputs.l|sum }} {{ [{'n': 1.5}]|sum('n', 1) }}", "6 2.5"),
    "title": ('{{ "it\'s A day"|title }}', "It's A Day"),
    "tojson": ("{{ {'a': '<ü>'}|tojson }} {{ [1]|tojson(2) }}", '{"a": "\\u003cü\\u003e"} [\n  1\n]'),
    "trim": ("[{{ ' a '|trim }}{{ 'xax'|trim('x') }}]", "[aa]"),
    "unique": ("{{ ['a', 'A', 'b']|unique }} {{ [[1], [1]]|unique }}", '["a", "b"] [[1]]'),
    "upper": ("{{ 'äb'|upper }}", "ÄB"),
}


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_does_what_its_name_says(name: str) -> None:
    text, result = FILTERED[name]
    assert rendered(text) == (result, None)


@pytest.mark.parametrize("name", PREDICATES)
def test_each_test_answers_yes_and_no(name: str) -> None:
    asked = {
        "boolean": ("true", "1", ""), "defined": ("goal", "gone", ""), "divisibleby": ("6", "7", "(3)"),
        "endingwith": ("'ab'", "'ba'", "('b')"), "even": ("2", "3", ""), "false": ("false", "0", ""),
        "float": ("1.0", "1", ""), "integer": ("1", "true", ""), "iterable": ("[]", "1", ""),
        "lower": ("'a'", "'A'", ""), "mapping": ("{}", "[]", ""), "none": ("none", "0", ""),
        "number": ("1.5", "'1'", ""), "odd": ("3", "2", ""), "sequence": ("[]", "{}", ""), "in": ("1", "3", "([1, 2])"),
        "startingwith": ("'ab'", "'ba'", "('a')"), "string": ("'1'", "1", ""), "true": ("true", "1", ""),
        "undefined": ("gone", "goal", ""), "upper": ("'A'", "'a'", ""),
        "eq": ("1", "2", "(1)"), "equalto": ("1", "2", "(1)"), "ne": ("2", "1", "(1)"),
        "lt": ("0", "1", "(1)"), "lessthan": ("0", "1", "(1)"), "le": ("1", "2", "(1)"),
        "gt": ("2", "1", "(1)"), "greaterthan": ("2", "1", "(1)"), "ge": ("1", "0", "(1)"),
    }  # fmt: skip
    signs = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
    yes, no, argument = asked[signs.get(name, name)]
    text = "{{ %s is %s%s }}" if name not in signs else "{{ [%s]|select('%s', 1)|length == 1 }}"
    argument = argument if name not in signs else ""
    for value, answer in ((yes, "true"), (no, "false")):
        given = (value, name, argument) if name not in signs else (value, name)
        assert rendered(text % given) == (answer, None)


# -- names without a value --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "result", "expression", "line", "column"),
    [
        ("Clone\n {{ inputs.repo }} now", "Clone\n  now", "inputs.repo", 2, 5),
        ("inputs.x {{ inputs . x }}", "inputs.x ", "inputs.x", 1, 13),
        ("{{ context.x }}{{ env.HOME }}", "", "context.x", 1, 4),
        ("{{ inputs['two words'] }}", "", 'inputs["two words"]', 1, 4),
        ("{% if inputs.gone %}a{% endif %}", "", "inputs.gone", 1, 7),
        ("{% for x in inputs.gone %}a{% endfor %}", "", "inputs.gone", 1, 13),
        ("{{ inputs.gone.name }}", "", "inputs.gone.name", 1, 4),
        ("{{ inputs.gone or 'd' }}", "d", "inputs.gone", 1, 4),
        ("{{ inputs.gone|upper }}{{ inputs.gone + 1 }}", "", "inputs.gone", 1, 4),
        ("{{ 'a' ~ inputs.gone }}{{ [inputs.away] }}", "a[null]", "inputs.gone", 1, 10),
        ("{{ inputs.gone > 1 }}{{ gone() }}", "false", "inputs.gone", 1, 4),
        ("{{ inputs.__class__ }}{{ ''.__class__ }}", "", "inputs.__class__", 1, 4),
        ("{% macro m(a) %}{{ a }}{% endmacro %}{{ m() }}", "", "a", None, None),
    ],
)  # fmt: skip
def test_the_first_use_of_a_name_without_a_value_is_told_and_the_name_is_empty(
    text: str, result: str, expression: str, line: int | None, column: int | None
) -> None:
    at = None if line is None else TemplatePlace(None, line, column)
    assert rendered(text) == (result, Unbound(expression, at))


def test_the_place_of_a_name_in_an_included_file_is_in_that_file() -> None:
    assert rendered("{% include 'unbound.md' %}").unbound == Unbound("inputs.gone", TemplatePlace("unbound.md", 2, 6))


# -- what they may not ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("\n{% if %}", "Expected an expression", 2),
        ("{{ a", "unexpected", 1),
        ("{% nope %}", "unknown tag 'nope'", 1),
        ("{{ 'a'|nope }}", 'there is no filter "nope"', 1),
        ("{% if 0 %}{{ 'a' is nope }}{% endif %}", 'there is no test "nope"', 1),
        ("\n\n{% include 'gone.md' %}", 'there is no file "gone.md"', 3),
        ("{% if 0 %}{% include 'gone.md' %}{% endif %}", 'there is no file "gone.md"', 1),
        ("{% include goal %}", "must be written out", 1),
        ("{% extends goal %}", "must be written out", 1),
        ("{% include ['a.md', 'b.md'] %}", "must be written out", 1),
        ("{% include '../x.md' %}", "leads out", 1),
        ("{% from 'tools.md' import gone %}", 'has no "gone"', 1),
        ("{{ 1 + 'a' }}", "a number and a text cannot be added", 1),
        ("{{ 1 / 0 }}", "division by zero", 1),
        ("{{ [] < {} }}", "have no order", 1),
        ("{{ 'a'|round }}", '"round" wants a number', 1),
        ("{{ 'a'|replace('b') }}", '"replace" does not take these arguments', 1),
        ("{{ goal() }}", "cannot be called", 1),
        ("{{ ''.join([]) }}", None, 1),
        ("{{ 2 ** 64 }}", "more than 64 bits", 1),
        ("{{ 1" + "0" * 5000 + " }}", "digits", 1),
        ("{{ '\\ud800' }}", "half of a character", 1),
        ("{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", 'the macro "m" takes a', 1),
        ("{{ namespace }}", "cannot be printed", 1),
        ("{% if 1 %}{% extends 'base.md' %}{% endif %}", "at its top", 1),
    ],
)
def test_a_template_that_cannot_be_rendered_is_refused_with_its_place(text: str, reason: str | None, line: int) -> None:
    if reason is None:
        assert rendered(text).unbound is not None
        return
    error = fault(text)
    assert reason in error.reason
    assert (error.at.path, error.at.line) == (None, line)


def test_a_fault_in_an_included_file_is_placed_there() -> None:
    assert fault("{% include 'broken.md' %}").at == TemplatePlace("broken.md", 2)


# -- bounds -----------------------------------------------------------------------------------------------------

GREEDY = [
    "{{ 'a' * 10 ** 10 }}",
    "{{ [1] * 10 ** 10 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ range(10 ** 9) }}",
    "{{ range(0 - 2 ** 62, 2 ** 62) }}",
    "{{ 'a'|indent(100001) }}",
    "{{ ('a' * 10000)|replace('', 'b' * 10000) }}",
    "{{ ('a' * 100000)|trim('ab' * 1000) }}",
    "{{ [[]] * 100000 ~ [[]] * 100000 ~ ([[]] * 100000)|tojson ~ ([[]] * 100000)|tojson(100) }}",
    "{{ (['a' * 100000] * 1000)|join }}",
    "{{ ['a' * 1000000] * 1000 }}",
    "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(40) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(40) %}{% set ns.x = [ns.x, ns.x] %}"
    "{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
    "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for i in range(99999) %}{{ range(99999)|length }}{% endfor %}",
    "{% set x, y = 'a' * 1000000, 'a' * 1000000 %}{% for i in range(9999) %}{{ x == y }}{{ x < y }}{% endfor %}",
    "{% set x = 'a' * 1000000 %}{% for i in range(99999) %}{{ x[1:]|length }}{% endfor %}",
    "{% set x = 'a' * 1000000 %}{% for i in range(99999) %}{{ x in {x: 1} }}{{ {}[x] }}{% endfor %}",
    "{% set x = 'a' * 1000000 %}{% for i in range(99999) %}{{ x is lower }}{{ x|upper|length }}{% endfor %}",
    "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
    "{% include 'cycle.md' %}",
    "{{ " + "+".join(["1"] * 5000) + " }}",
    "{{ " + "-" * 5000 + "1 }}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{% if 1 %}" * 1000 + "{% endif %}" * 1000,
    "{{ a }}" * 7000,
]  # fmt: skip


@pytest.mark.parametrize("text", GREEDY, ids=lambda text: text[:40])
def test_a_template_that_wants_too_much_is_refused_before_it_has_it(text: str) -> None:
    assert len(fault(text).reason) < 200


def test_the_results_of_a_graph_are_bounded_together() -> None:
    work = Work(total_chars=10)
    assert render("{{ 'a' * 8 }}", {}, load, work).text == "a" * 8
    with pytest.raises(TemplateFault, match="come to more than"):
        render("{{ 'a' * 8 }}", {}, load, work)


def test_reading_templates_counts_and_each_is_read_once() -> None:
    work = Work(steps=30_000)
    text = "{{ goal }}" * 500
    for _ in range(10):
        assert render(text, NAMES, load, work).unbound is None
    others = (render(f"{number}{text}", NAMES, load, work) for number in range(10))
    with pytest.raises(TemplateFault, match="take too long"):
        list(others)


def test_a_long_text_that_is_within_the_bound_is_rendered() -> None:
    text = "x" * (MAX_TEXT_CHARS - 10)
    assert rendered(text + "{{ 1 }}").text == text + "1"


FRAGMENTS = st.sampled_from(
    ["{{", "}}", "{%", "%}", "{#", "#}", "-", " ", "\n", "\r", "a", "inputs", ".", "who", "|", "upper", "default(1)",
     "if", "endif", "else", "for x in", "endfor", "set x =", "macro m()", "endmacro", "m()", "raw", "endraw", "'t'",
     "[", "]", "(", ")", "*", "**", "~", "==", "is defined", "not", "include 'rules.md'", "block b", "endblock", "1"]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=30).map("".join) | st.text(max_size=40).map(lambda text: "{{" + text + "}}"))
def test_any_text_is_rendered_or_refused(text: str) -> None:
    with suppress(TemplateFault):
        assert len(rendered(text, steps=20_000).text) <= MAX_TEXT_CHARS


@given(st.text(), st.text())
def test_a_value_stands_in_the_text_as_it_is(before: str, value: str) -> None:
    if not is_template(before + "{"):
        assert rendered(before + " {{ inputs.v }}|", {"inputs": {"v": value}}).text == f"{before} {value}|"
