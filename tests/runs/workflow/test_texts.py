"""Files, templates and names in the texts of a graph (language.md L9, L10, L12)."""

from __future__ import annotations

from typing import Any

import pytest

from fabro_core.errors import InvalidRequest
from fabro_core.models.graph import String
from tests.runs.workflow.graphs import PATH, compiled, compiled_text, graph_of

WAY = "start end start -> a -> end"


def prompt(text: str, **given: Any) -> str:
    return final("prompt", text, **given)


def final(key: str, text: str, *, also: str = "", graph: str = "", **given: Any) -> str:
    """What an attribute of a node has become."""
    value = graph_of(f"{graph} {WAY} a [{key}={_quoted(text)} {also}]", **given).nodes["a"].attrs[key]
    assert isinstance(value, String)
    return value.value


def goal(text: str, **given: Any) -> str:
    return graph_of(f"{WAY} a [prompt=p] goal={_quoted(text)}", **given).goal


def told(body: str, **given: Any) -> list[tuple[str, str | None, str]]:
    return [(each.rule, each.node_id, each.message) for each in compiled(f"{WAY} {body}", **given).diagnostics]


def refusal(body: str, **given: Any) -> str:
    with pytest.raises(InvalidRequest) as caught:
        compiled(f"{WAY} {body}", **given)
    return caught.value.detail


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# -- files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("@a.md", "a.md"),
        ("@./x/../a.md", "a.md"),
        ("@sub/a.md", "sub/a.md"),
        ("@../a.md", "../a.md"),
    ],
)
def test_a_prompt_is_the_file_that_it_refers_to(reference: str, path: str) -> None:
    files = {"a.md": "one", "sub/a.md": "two"}
    contents = {f"flows/{key}": text for key, text in files.items()} | {"a.md": "three"}
    expected = {"a.md": "one", "sub/a.md": "two", "../a.md": "three"}[path]
    workflow = compiled_text(f"digraph D {{ {WAY} a [prompt={_quoted(reference)}] }}", contents=contents)
    assert workflow.graph.nodes["a"].attrs["prompt"] == String(expected)


@pytest.mark.parametrize(
    "reference", ["@gone.md", "@", "@~/a.md", "@/flows/a.md", "@C:/a.md", "@..\\a.md", "@../../a.md"]
)
def test_a_reference_that_resolves_to_nothing_stays_and_is_an_error(reference: str) -> None:
    given = {"files": {"a.md": "x"}}
    assert prompt(reference, **given) == reference
    assert [each[:2] for each in told(f"a [prompt={_quoted(reference)}]", **given)] == [("unresolved_file_ref", "a")]
    assert [each[:2] for each in told(f"a [prompt=p] goal={_quoted(reference)}", **given)] == [
        ("unresolved_file_ref", None)
    ]


def test_the_content_is_rendered_and_is_no_reference_itself() -> None:
    assert prompt("@a.md", files={"a.md": "Read {{ inputs.x }}\n"}, x="it") == "Read it"
    assert prompt("@a.md", files={"a.md": "plain\n"}) == "plain\n"
    assert prompt("@a.md", files={"a.md": "@b.md", "b.md": "x"}) == "@b.md"


def test_a_text_that_becomes_a_reference_is_one() -> None:
    assert prompt("{{ inputs.file }}", files={"a.md": "Read {{ goal }}"}, file="@a.md", graph="goal=it") == "Read it"
    assert told('a [prompt="{{ inputs.file }}"]', file="@gone.md")[0][:2] == ("unresolved_file_ref", "a")


def test_a_schema_is_the_file_unchanged() -> None:
    assert final("output_schema", "@s.json", also="prompt=p", files={"s.json": "{{ goal }}\n"}) == "{{ goal }}\n"
    detail = refusal('a [prompt=p, output_schema="@s.json"]')
    assert detail.startswith(f"{PATH}:1:")
    assert '"a"' in detail
    assert "@s.json" in detail


@pytest.mark.parametrize("key", ["label", "class", "model", "fidelity", "x"])
def test_an_at_sign_elsewhere_is_text(key: str) -> None:
    assert final(key, "@a.md", also="prompt=p", files={"a.md": "x"}) == "@a.md"


@pytest.mark.parametrize(
    "body",
    [
        'a [prompt="@{{ inputs.x }}.md"]',
        'a [prompt=p] goal="@{% if x %}.md"',
        'a [prompt=p, output_schema="@{{ inputs.x }}"]',
        'a [shape=house, stack.child_workflow="{{ inputs.x }}.fabro"]',
    ],
)
def test_a_path_is_written_out(body: str) -> None:
    assert "is a template" in refusal(body, x="a")


# -- templates --------------------------------------------------------------------------------------------------


def test_names_of_inputs_variables_and_the_goal_have_their_values() -> None:
    text = "{{ inputs.x }} {{ vars.Y }} {{ goal }}"
    assert prompt(text, x=2.0, variables={"Y": "why"}, graph='goal="{{ vars.Y }}!"') == "2.0 why why!"


def test_values_are_not_looked_through_again() -> None:
    assert prompt("{{ inputs.x }}{{ goal }}", x="{{ goal }}", graph='goal="{{ inputs.x }}"') == "{{ goal }}" * 2


def test_a_prompt_without_a_goal_sees_an_empty_one() -> None:
    assert prompt("[{{ goal }}]") == "[]"


@pytest.mark.parametrize(
    ("override", "expected"), [("{{ inputs.x }}!", "it!"), ("@a.md", "file of it"), ("", ""), (None, "own")]
)
def test_a_goal_from_elsewhere_takes_the_place_of_the_graphs(override: str | None, expected: str) -> None:
    graph = graph_of(f"goal=own {WAY} a [prompt=p]", goal=override, files={"a.md": "file of {{ inputs.x }}"}, x="it")
    assert graph.goal == expected
    assert graph.attrs["goal"] == String(expected)


def test_a_goal_cannot_use_itself() -> None:
    for text in ("More {{ goal }}", "{% if goal %}x{% endif %}", "{{ goal|default('x') }}"):
        assert [each[0] for each in told(f"a [prompt=p] goal={_quoted(text)}")] == ["goal_self_reference"]
    files = {"a.md": "See {{ goal }}"}
    assert [each[0] for each in told('a [prompt=p] goal="@a.md"', files=files)] == ["goal_self_reference"]
    including = "a [prompt=p] goal=\"{% include 'a.md' %}\""
    assert [each[0] for each in told(including, files=files)] == ["goal_self_reference"]
    both = 'a [prompt=p] goal="{{ inputs.x }} {{ goal }}"'
    assert [each[0] for each in told(both)] == ["goal_self_reference", "template_undefined_variable"]


def test_a_name_without_a_value_is_told_with_its_place_and_its_owner() -> None:
    text = 'say \\"hi\\"\n to {{ inputs.repo }} and {{ inputs.b }}'
    workflow = compiled_text(f'digraph D {{\n start end start -> a -> end\n a [prompt="{text}"]\n}}')
    (diagnostic,) = workflow.diagnostics
    assert (diagnostic.rule, diagnostic.severity) == ("template_undefined_variable", "warning")
    assert (diagnostic.node_id, diagnostic.source_path) == ("a", PATH)
    assert (diagnostic.line, diagnostic.column) == (4, 8)
    assert '"inputs.repo" in the prompt of node "a"' in diagnostic.message
    assert "run.inputs" in (diagnostic.fix or "")
    assert workflow.graph.nodes["a"].attrs["prompt"] == String('say "hi"\n to  and ')


def test_a_name_without_a_value_in_a_file_is_told_with_the_place_there() -> None:
    files = {"a.md": "one\n{% include 'b.md' %}", "b.md": "two\n\n  {{ vars.GONE }}"}
    (diagnostic,) = compiled(f'{WAY} a [prompt="@a.md"]', files=files).diagnostics
    assert (diagnostic.source_path, diagnostic.line, diagnostic.column) == ("flows/b.md", 3, 6)


def test_a_goal_that_no_file_states_has_no_place() -> None:
    (diagnostic,) = compiled(f"{WAY} a [prompt=p]", goal="{{ inputs.x }}").diagnostics
    assert diagnostic.node_id is None
    assert '"inputs.x" in the goal' in diagnostic.message
    assert not isinstance(diagnostic.source_path, str)


def test_advice_names_the_input_that_was_probably_meant() -> None:
    (diagnostic,) = compiled(f'{WAY} a [prompt="in {{{{ inputs.repositry }}}}"]', repository="x").diagnostics
    assert '"inputs.repository"' in (diagnostic.fix or "")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('a [prompt="{% if %}"]', 'the prompt of node "a"'),
        ('a [prompt=p] goal="{{ "', "the goal"),
        ('a [prompt="{{ 1 / 0 }}"]', 'the prompt of node "a"'),
        ("a [prompt=\"{% include 'gone.md' %}\"]", "gone.md"),
        ("a [prompt=\"{% include '../up.md' %}\"]", "leads out of"),
        ("a [prompt=\"{% include '/up.md' %}\"]", "leads out of"),
        ('a [prompt="{% include inputs.x %}"]', "written out"),
        ('a [prompt="{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"]', "too long"),
    ],
)
def test_a_template_that_cannot_be_rendered_is_refused_with_owner_and_place(body: str, said: str) -> None:
    detail = refusal(body, files={"../up.md": "x"}, x="a.md")
    assert detail.startswith(f"{PATH}:1:")
    assert said in detail


def test_an_include_is_seen_from_its_file_and_stays_in_the_directory_of_the_workflow() -> None:
    files = {"sub/a.md": "{% include '../b.md' %}{% include 'c.md' %}", "b.md": "b", "sub/c.md": "c"}
    assert prompt("@sub/a.md", files=files) == "bc"


def test_a_file_outside_includes_from_its_own_directory() -> None:
    contents = {"common/a.md": "{% include 'b.md' %}", "common/b.md": "b", "up.md": "x"}
    graph = compiled_text(f'digraph D {{ {WAY} a [prompt="@../common/a.md"] }}', contents=contents).graph
    assert graph.nodes["a"].attrs["prompt"] == String("b")
    contents["common/a.md"] = "{% include '../up.md' %}"
    with pytest.raises(InvalidRequest, match=r"^common/a\.md:1:\S* .*leads out of the directory"):
        compiled_text(f'digraph D {{ {WAY} a [prompt="@../common/a.md"] }}', contents=contents)


# -- text that looks like a template ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "owner"),
    [
        ('a [prompt=p, label="{{ goal }}"]', "a"),
        ('a [prompt=p, x="{# note #}"]', "a"),
        ('a [shape=box, script="{{ goal }}", label=A]', "a"),
        ('a [prompt=p] label="{% x %}"', None),
    ],
)
def test_template_syntax_elsewhere_is_text_and_warned_of(body: str, owner: str | None) -> None:
    assert told(body)[0][:2] == ("detemplated_attribute", owner)


@pytest.mark.parametrize(
    "body",
    [
        'a [prompt="for {{ goal }}"]',
        'a [script="{{ goal }} {% x %} {# y #}"]',
        'a [prompt=p, output_schema="{{ goal }}"]',
        'a [shape=house, stack.child_dot_source="{{ goal }}"]',
    ],
)
def test_nothing_is_said_where_braces_have_a_meaning(body: str) -> None:
    assert told(body) == []


def test_warnings_of_texts_come_for_the_graph_then_nodes_then_edges() -> None:
    body = 'a [prompt=p, label="{{a}}"] label="{{g}}" edge [label="{{e}}"] a -> end'
    assert [each[1] for each in told(body)] == [None, "a", None]


# -- scripts ----------------------------------------------------------------------------------------------------


def test_tokens_in_the_script_of_a_command_are_replaced() -> None:
    text = "echo {{ goal }} {{inputs.n}} {{ vars.V }} {{ goal.x }} {{ .Go }}"
    expected = "echo 'It'\"'\"'s' 7 v {{ goal.x }} {{ .Go }}"
    assert final("script", text, n=7, variables={"V": "v"}, graph='goal="It\'s"') == expected
    assert final("script", text, also="shape=box label=A", n=7) == text


def test_a_token_without_a_value_stays_and_is_told_once_a_script() -> None:
    (found,) = told('a [script="echo {{ inputs.gone }} {{ vars.GONE }}"]')
    assert found[:2] == ("template_undefined_variable", "a")
    assert "inputs.gone" in found[2]
    assert final("script", "echo {{ inputs.gone }}") == "echo {{ inputs.gone }}"


@pytest.mark.parametrize(
    ("script", "also", "said"),
    [
        ("echo {{ env.HOME }}", "", "$HOME"),
        ("echo {{ secrets.KEY }}", "", "$KEY"),
        ("print({{ env.HOME }})", "language=python", 'os.environ["HOME"]'),
    ],
)
def test_a_script_reads_its_environment_itself(script: str, also: str, said: str) -> None:
    detail = refusal(f'a [script="{script}" {also}]')
    assert said in detail
    assert '"a"' in detail


# -- the order of what is said ----------------------------------------------------------------------------------


def test_imports_come_before_the_goal_then_prompts_literal_texts_and_scripts() -> None:
    body = (
        'goal="{{ inputs.a }}" b [script="{{ inputs.b }}"] c [prompt="{{ inputs.c }}", label="{{ c }}"] '
        'part [import="gone.fabro"] end -> start'
    )
    assert [each[:2] for each in told(body)][:5] == [
        ("import_error", "part"),
        ("template_undefined_variable", None),
        ("template_undefined_variable", "c"),
        ("detemplated_attribute", "c"),
        ("template_undefined_variable", "b"),
    ]
