"""Values in scripts: each one word, whatever it contains, and nothing else is touched (language.md L10.6)."""

from __future__ import annotations

import ast
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.runs.templates.faults import Misuse, TemplatePlace
from fabro_core.runs.templates.scripts import Language, Script, UnknownToken, fill, how_to_read
from fabro_core.runs.templates.work import MAX_TEXT_CHARS, Work

INPUTS: dict[str, Any] = {
    "n": 7, "f": 2.0, "no": False, "none": None, "list": [1, "a b"], "evil": "x; rm -rf /", "2nd-try": "again",
    "empty": "",
}  # fmt: skip
NAMES = {"goal": "It is Ada's", "inputs": INPUTS, "vars": {"REGION": "eu-1"}}


def filled(script: str, language: Language = "shell", names: dict[str, Any] = NAMES) -> Script:
    return fill(script, language, names, Work())


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo {{ goal }}", ["echo", "It is Ada's"]),
        ("echo {{goal}} {{ \n inputs.n\t}}", ["echo", "It is Ada's", "7"]),
        ("{{ inputs.f }} {{ inputs.no }} {{ inputs.none }}", ["2.0", "false", "none"]),
        ("{{ inputs.list }} {{ inputs.2nd-try }}", ['[1, "a b"]', "again"]),
        ("echo {{ inputs.evil }}", ["echo", "x; rm -rf /"]),
        ("echo {{ inputs.empty }} {{ vars.REGION }}", ["echo", "", "eu-1"]),
        ("a={{ inputs.n }}b", ["a=7b"]),
    ],
)
def test_each_token_becomes_one_word_of_the_shell(script: str, words: list[str]) -> None:
    result = filled(script)
    assert (shlex.split(result.text), result.unbound, result.refused) == (words, None, None)


@pytest.mark.parametrize(
    "script",
    [
        "jq '{a: .b}'",
        "echo '{{ .Name }}' {{ goal.x }} {{ goal|upper }} {{ inputs }} {{ inputs.a.b }} {{ vars.a-b }}",
        "{% if goal %}{# x #}{% endif %}",
        "awk '{print $1}' ${{ github.ref }}",
        "{{ inputs.n}",
        "{ { inputs.n } }",
    ],
)
def test_everything_else_in_braces_stays(script: str) -> None:
    assert filled(script) == Script(script, None, None)


def test_what_a_value_contains_is_not_replaced_again() -> None:
    names = {"goal": "", "inputs": {"a": "{{ inputs.b }}", "b": "x"}, "vars": {}}
    assert filled("echo {{ inputs.a }}", names=names).text == "echo '{{ inputs.b }}'"


def test_python_gets_string_literals() -> None:
    assert filled("print({{ inputs.n }}, {{ goal }})", "python").text == 'print("7", "It is Ada\'s")'


@given(st.text())
def test_a_word_means_its_value_in_both_languages(value: str) -> None:
    names = {"goal": value, "inputs": {}, "vars": {}}
    assert ast.literal_eval(filled("{{ goal }}", "python", names).text) == value
    if "\0" not in value:
        assert shlex.split(filled("{{ goal }}", names=names).text) == [value]


def test_a_name_without_a_value_is_told_and_its_token_stays() -> None:
    script = "echo {{ inputs.n }}\n ls {{ inputs.gone }} {{ vars.away }}"
    result = filled(script)
    assert result.text == "echo 7\n ls {{ inputs.gone }} {{ vars.away }}"
    assert result.unbound == UnknownToken("inputs.gone", TemplatePlace(None, 2, 5))


@pytest.mark.parametrize(
    ("token", "language", "instead"),
    [
        ("env.HOME", "shell", "$HOME"),
        ("secrets.TOKEN", "shell", "$TOKEN"),
        ("env.HOME", "python", 'os.environ["HOME"]'),
    ],
)
def test_environment_and_secrets_are_refused_with_what_to_write(token: str, language: Language, instead: str) -> None:
    result = filled(f"echo {{{{ {token} }}}}", language)
    assert result.refused == UnknownToken(token, TemplatePlace(None, 1, 6))
    assert how_to_read(token, language) == instead


def test_a_script_that_becomes_too_large_is_refused() -> None:
    names = {"goal": "x" * 100_000, "inputs": {}, "vars": {}}
    with pytest.raises(Misuse, match=f"more than {MAX_TEXT_CHARS} characters"):
        filled("{{ goal }} " * 20, names=names)
