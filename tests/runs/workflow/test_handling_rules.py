"""The rules about what handlers need and read, branches and external agents (language.md L13.1 to L13.4)."""

from __future__ import annotations

import pytest

from tests.runs.workflow.graphs import Found, diagnosed, found, of_edge, of_graph, of_node, rules

# -- what handlers need and read --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("b", ["prompt_on_llm_nodes"]),
        ('b [prompt=""]', ["prompt_on_llm_nodes"]),
        ("b [shape=tab]", ["prompt_on_llm_nodes"]),
        ("b [label=B]", []),
        ("b [shape=ellipse]", ["shape_known"]),
        ("b [prompt=p, goal_gate=true]", ["goal_gate_has_retry"]),
        ("b [prompt=p, goal_gate=true, retry_target=b]", []),
        ("b [prompt=p, goal_gate=true, fallback_retry_target=b]", []),
        ("b [prompt=p, goal_gate=false]", []),
        ("b [shape=parallelogram]", ["command_requires_script"]),
        ('b [shape=parallelogram, script=" "]', ["command_requires_script"]),
        ("b [type=robot, shape=parallelogram]", ["type_known"]),
        ('b [script=cat, stdin_source=" "]', ["stdin_source_valid"]),
        ('b [script=cat, stdin_source=""]', ["stdin_source_valid"]),
        ('b [script=cat, stdin_source="context.x"]', []),
        ('b [script="cd /srv && make"]', ["script_absolute_cd"]),
        ('b [script="cd\\n  /srv"]', ["script_absolute_cd"]),
        ('b [script="cd srv && make"]', []),
        ('b [script="abcd /srv"]', []),
        ("b [prompt=p, join_policy=all]", ["join_policy_removed"]),
        ("b [script=x, prompt=p]", ["script_prompt_conflict"]),
        ("b [shape=hexagon, label=Q, script=x, prompt=p]", ["script_prompt_conflict"]),
        ("b [prompt=p, language=python]", ["inert_attribute"]),
        ("b [prompt=p, duration=5s, max_parallel=2, review_target=true]", ["inert_attribute"] * 3),
        ("b [script=x, output_retries=2]", ["inert_attribute"]),
        ("b [script=x, output_schema=routing]", []),
        ("b [shape=hexagon, label=Q, output_schema=routing]", ["inert_attribute"]),
        ("b [shape=hexagon, label=Q, prompt=p]", ["inert_attribute"]),
        ("b [shape=tripleoctagon, prompt=p]", []),
        ("b [shape=ellipse, prompt=p, duration=5s]", ["shape_known"]),
        ("b [shape=insulator, duration=5s, timeout=1s, fidelity=full, model=m]", []),
    ],
)
def test_a_node_has_what_its_handler_needs_and_nothing_that_it_ignores(node: str, expected: list[str]) -> None:
    assert rules(f"{node} start -> b -> end") == expected


def test_the_graph_may_say_where_a_goal_gate_goes_back_to() -> None:
    assert rules("retry_target=b b [prompt=p, goal_gate=true] start -> b -> end") == []


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ("b -> end [freeform=true] b -> start2 [freeform=true]", ["freeform_edge_count"]),
        ("b -> end [freeform=true] b -> start2", []),
        ('b -> end [freeform=true] b -> start2 [freeform="yes"]', ["attribute_type"]),
    ],
)
def test_free_text_leads_one_way(edges: str, expected: list[str]) -> None:
    assert rules(f"b [shape=hexagon, label=Q] start2 [prompt=p] start -> b start2 -> end {edges}") == expected


FORK = "f [shape=component{}] b [prompt=p] c [script=x] m [shape=tripleoctagon] start -> f b -> m c -> m m -> end "


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("b [prompt=p, for_each=x] start -> b -> end", ["for_each_contract"]),
        (FORK.format(", for_each=x") + "f -> b start -> c", []),
        (FORK.format(', for_each=" "') + "f -> b start -> c", ["for_each_contract"]),
        (FORK.format(", for_each=x") + "f -> b f -> c", ["for_each_contract"]),
        (FORK.format(', for_each=" "') + "f -> b f -> c", ["for_each_contract"] * 2),
        (FORK.format(", for_each=x") + "f -> c start -> b", ["for_each_contract"]),
        ("b [shape=ellipse, prompt=p, for_each=x] start -> b -> end", ["shape_known"]),
    ],
)
def test_a_list_is_worked_through_by_one_agent_or_prompt(body: str, expected: list[str]) -> None:
    assert rules(body) == expected


def test_a_branch_of_a_list_that_is_no_agent_and_has_a_list_itself_is_told_of_twice() -> None:
    body = (
        "f [shape=component, for_each=x] g [shape=component, for_each=y] b [prompt=p] m [shape=tripleoctagon] "
        "start -> f -> g -> b -> m -> end"
    )
    assert found(body) == [of_node("for_each_contract", "f")] * 2


# -- conversations and branches ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("b [prompt=p, thread_id=t] start -> b -> end", [of_node("thread_id_requires_fidelity_full", "b")]),
        ("b [prompt=p, thread_id=t, fidelity=full] start -> b -> end", []),
        ("default_fidelity=full default_thread=t b [prompt=p, thread_id=t] start -> b -> end [thread_id=t]", []),
        ("b [prompt=p] start -> b b -> end [thread_id=t]", [of_edge("thread_id_requires_fidelity_full", "b", "end")]),
        ("b [prompt=p] start -> b b -> end [thread_id=t, fidelity=full]", []),
        ("b [prompt=p, fidelity=full] start -> b [thread_id=t] b -> end", []),
        ("b [prompt=p] start -> b -> end default_thread=t", [of_graph("thread_id_requires_fidelity_full")]),
    ],
)
def test_a_thread_needs_full_fidelity(body: str, expected: list[Found]) -> None:
    assert found(body) == expected


@pytest.mark.parametrize(
    ("node", "edge", "expected"),
    [
        ("fidelity=full", "", [of_node("parallel_branch_inert_attribute", "z")]),
        ("thread_id=t", "", [of_node("parallel_branch_inert_attribute", "z")]),
        ("fidelity=full, thread_id=t", "", [of_node("parallel_branch_inert_attribute", "z")] * 2),
        ("", "[thread_id=t]", [of_edge("parallel_branch_inert_attribute", "f", "z")]),
        ("", "[fidelity=full]", [of_edge("parallel_branch_inert_attribute", "f", "z")]),
        ("fidelity=compact", "[fidelity=compact]", []),
    ],
)
def test_a_branch_shares_no_conversation(node: str, edge: str, expected: list[Found]) -> None:
    body = f"f [shape=component] z [prompt=p, {node}] m [shape=tripleoctagon] start -> f f -> z {edge} z -> m -> end"
    assert found(body) == expected


def test_edges_come_before_branches_and_branches_by_id() -> None:
    body = (
        "f [shape=component] z [prompt=p, thread_id=t] b [prompt=p, thread_id=t] m [shape=tripleoctagon] "
        "start -> f f -> z [thread_id=t] f -> b z -> m b -> m m -> end"
    )
    assert found(body) == [
        of_edge("parallel_branch_inert_attribute", "f", "z"),
        of_node("parallel_branch_inert_attribute", "b"),
        of_node("parallel_branch_inert_attribute", "z"),
    ]


def test_a_node_that_something_else_leads_to_as_well_is_no_branch() -> None:
    body = (
        "f [shape=component] b [prompt=p, thread_id=t] m [shape=tripleoctagon] start -> f f -> b b -> m -> end m -> b"
    )
    assert found(body) == [of_node("thread_id_requires_fidelity_full", "b")]


# -- external agents --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "faults"),
    [
        ("backend=api", []),
        ("backend=cli", ["removed"]),
        ("backend=codex", ["not known"]),
        ('backend=acp, acp.command="agent --acp"', []),
        ("backend=acp", ["exactly one"]),
        ('backend=acp, acp.command=x, acp.config="{}"', ["exactly one", "acp.config"]),
        ('backend=acp, acp.command=" "', ["acp.command is blank"]),
        ('backend=acp, acp.command="a \'b"', ["no shell command"]),
        ('backend=acp, acp.config=" "', ["acp.config is blank"]),
        ('backend=acp, acp.config="[]"', ["acp.config"]),
        ('backend=acp, acp.config="{\\"command\\": \\" \\"}"', ["acp.config"]),
        ('backend=acp, acp.config="{\\"command\\": \\"a\\", \\"type\\": \\"http\\"}"', ["http"]),
        ('backend=acp, acp.config="{\\"command\\": \\"a\\", \\"args\\": [1]}"', ["acp.config"]),
        ('backend=acp, acp.config="{\\"type\\": \\"stdio\\", \\"command\\": \\"a\\", \\"args\\": [\\"b\\"]}"', []),
        ("backend=acp, acp_command=x", ["acp_command"]),
        ("backend=acp, acp.command=x, model=m, max_tokens=5", ["model, max_tokens"]),
        ("backend=acp, acp.command=x, max_tokens=0", []),
        ("shape=tab, backend=acp, acp.command=x, speed=fast", ["only agents", "speed"]),
        ("acp_command=x, acp.command=y, acp.config=z", []),
    ],
)
def test_an_external_agent_is_told_what_to_start(attributes: str, faults: list[str]) -> None:
    messages = [
        each.message
        for each in diagnosed(f"b [prompt=p, {attributes}] start -> b -> end")
        if each.rule == "backend_valid"
    ]
    assert len(messages) == len(faults)
    for fault, message in zip(faults, messages, strict=True):
        assert fault in message
        assert '"b"' in message


def test_a_model_from_a_stylesheet_cannot_be_passed_on_either() -> None:
    body = 'model_stylesheet="* { model: m }" b [prompt=p, backend=acp, acp.command=x] start -> b -> end'
    assert rules(body) == ["backend_valid"]
