"""Imports: what takes a placeholder's place, and what is wrong with one (language.md L8)."""

from __future__ import annotations

import pytest

from fabro_core.errors import InvalidRequest
from fabro_core.models.graph import Graph, Integer, String
from tests.runs.workflow.graphs import compiled, found, graph_of

ONE = "digraph One { start end x [prompt=p] start -> x -> end }"
TWO = "digraph Two { start end x [prompt=p] y [prompt=q] start -> x -> y -> end }"
EMPTY = "digraph Empty { start end start -> end }"


def ends(graph: Graph) -> list[tuple[str, str]]:
    return [(edge.source, edge.target) for edge in graph.edges]


def spliced(imported: str, body: str = "part [import=a.fabro] start -> part -> end", **given: object) -> Graph:
    workflow = compiled(f"start end {body}", files={"a.fabro": imported}, **given)
    assert [each for each in workflow.diagnostics if each.rule == "import_error"] == []
    return workflow.graph


def fault(imported: str | None, body: str = "part [import=a.fabro] start -> part -> end") -> str:
    """The message about the import of `part`, which stays in the graph."""
    files = {} if imported is None else {"a.fabro": imported}
    workflow = compiled(f"start end {body}", files=files)
    (diagnostic,) = [each for each in workflow.diagnostics if each.rule == "import_error"]
    assert (diagnostic.severity, diagnostic.node_id) == ("error", "part")
    assert "part" in workflow.graph.nodes
    return diagnostic.message


def test_the_imported_nodes_stand_in_the_place_of_the_placeholder() -> None:
    graph = spliced(TWO, "a [prompt=p] part [import=a.fabro] b [prompt=p] start -> a -> part -> b -> end")
    assert list(graph.nodes) == ["start", "end", "a", "part.x", "part.y", "b"]


def test_edges_that_stay_come_first_then_inner_incoming_and_outgoing_ones() -> None:
    graph = spliced(TWO, "a [prompt=p] start -> part -> a [weight=2] a -> end part [import=a.fabro]")
    assert ends(graph) == [("a", "end"), ("part.x", "part.y"), ("start", "part.x"), ("part.y", "a")]
    assert graph.edges[3].attrs == {"weight": Integer(2)}


def test_two_placeholders_in_a_row_are_joined() -> None:
    graph = spliced(ONE, "p [import=a.fabro] q [import=a.fabro] start -> p -> q -> end")
    assert set(ends(graph)) == {("start", "p.x"), ("p.x", "q.x"), ("q.x", "end")}


def test_attributes_of_the_placeholder_are_defaults_of_the_imported_nodes() -> None:
    imported = "digraph A { start end node [speed=slow] x [prompt=p, model=own] y [prompt=q] start -> x -> y -> end }"
    body = (
        'node [provider=p, colour=red] part [import=a.fabro, model=m, speed=fast, max_retries="2"] start -> part -> end'
    )
    nodes = spliced(imported, body).nodes
    assert nodes["part.x"].attrs["model"] == String("own")
    assert nodes["part.y"].attrs["model"] == String("m")
    assert nodes["part.y"].attrs["speed"] == String("slow")
    assert nodes["part.y"].attrs["provider"] == String("p")
    assert nodes["part.y"].attrs["max_retries"] == Integer(2)
    assert "colour" not in nodes["part.y"].attrs


def test_classes_are_own_then_those_of_the_placeholder_then_its_id() -> None:
    imported = "digraph A { start end x [prompt=p, class=own] start -> x -> end }"
    body = 'subgraph { label=Group my_part [import=a.fabro, class="one two"] } start -> my_part -> end'
    assert spliced(imported, body).nodes["my_part.x"].classes == ("own", "group", "one", "two", "mypart")


def test_retry_targets_get_the_prefix() -> None:
    targets = "retry_target=y, fallback_retry_target=x"
    imported = f"digraph A {{ start end x [prompt=p, {targets}] y [prompt=q] start -> x -> y -> end }}"
    attrs = spliced(imported).nodes["part.x"].attrs
    assert (attrs["retry_target"], attrs["fallback_retry_target"]) == (String("part.y"), String("part.x"))


def test_what_the_imported_graph_says_of_itself_is_dropped() -> None:
    own = 'goal=inner model_stylesheet="* { model: x }" rankdir=XY'
    imported = f'digraph A {{ {own} start end x [prompt="{{{{ goal }}}}"] start -> x -> end }}'
    graph = spliced(imported, "goal=outer part [import=a.fabro] start -> part -> end")
    assert graph.attrs == {"goal": String("outer")}
    assert graph.nodes["part.x"].attrs == {"prompt": String("outer")}


def test_the_stylesheet_reaches_imported_nodes() -> None:
    body = 'model_stylesheet=".part { model: m }" part [import=a.fabro] start -> part -> end'
    assert spliced(ONE, body).nodes["part.x"].attrs["model"] == String("m")


def test_imports_may_import_from_their_own_directory() -> None:
    files = {
        "lib/a.fabro": 'digraph A { start end y [import="b/c.fabro"] start -> y -> end }',
        "lib/b/c.fabro": 'digraph C { start end z [prompt="@../text.md"] start -> z -> end }',
        "lib/text.md": "deep",
    }
    graph = graph_of('start end part [import="./lib/a.fabro"] start -> part -> end', files=files)
    assert graph.nodes["part.y.z"].attrs == {"prompt": String("deep")}
    assert ends(graph) == [("start", "part.y.z"), ("part.y.z", "end")]


def test_a_graph_without_nodes_is_bypassed() -> None:
    body = "a [prompt=p] b [prompt=p] part [import=a.fabro] start -> a start -> b a -> part b -> part part -> end"
    assert ends(spliced(EMPTY, body)) == [("start", "a"), ("start", "b"), ("a", "end"), ("b", "end")]


@pytest.mark.parametrize(
    ("imported", "said"),
    [
        (None, ["file not found", "a.fabro"]),
        ("digraph A { start -> ", ["cannot be parsed", "flows/a.fabro:1:19"]),
        ("digraph A { x [prompt=p] end x -> end }", ["start node", "0"]),
        ("digraph A { start s [shape=Mdiamond] end start -> end }", ["start node", "2"]),
        ("digraph A { start end stop [shape=Msquare] start -> end }", ["exit node", "2"]),
        ("digraph A { start end x [prompt=p] start -> x -> end x -> start }", ["start", "lead into"]),
        ("digraph A { start end x [prompt=p] start -> x -> end -> x }", ["end", "lead out of"]),
        ("digraph A { start end x [prompt=p] start -> x start -> x x -> end }", ["out of its start", "2"]),
        ("digraph A { start end x [prompt=p] start -> x x -> end x -> end }", ["into its exit", "2"]),
        ("digraph A { start end x [prompt=p] start -> x x -> end [label=l] }", ["label"]),
        ("digraph A { start end x [prompt=p] edge [weight=1] start -> x -> end }", ["weight"]),
        ("digraph A { start end x [prompt=p] start -> end }", ["straight"]),
        ('digraph A { start end x [prompt="@gone.md"] start -> x -> end }', ["x", "@gone.md"]),
    ],
)
def test_a_graph_that_cannot_be_imported_is_one_error_of_the_placeholder(imported: str | None, said: list[str]) -> None:
    message = fault(imported)
    assert all(text in message for text in said), message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("part [import=a.fabro, prompt=p] start -> part -> end", "prompt"),
        ("part [import=a.fabro, label=l] start -> part -> end", "label"),
        ("part [import=a.fabro] start -> part -> end part -> part", "itself"),
        ('part [import=a.fabro] "part.x" [prompt=p] start -> part -> "part.x" -> end', "part.x"),
        ('part [import="{{ inputs.x }}.fabro"] start -> part -> end', "template"),
        ('part [import="/a.fabro"] start -> part -> end', "/a.fabro"),
        ('part [import="~/a.fabro"] start -> part -> end', "~/a.fabro"),
        ('part [import="../../../a.fabro"] start -> part -> end', "not found"),
        ('part [import=""] start -> part -> end', "not found"),
        ('part [import="w.fabro"] start -> part -> end', "circular import: flows/w.fabro -> flows/w.fabro"),
    ],
)
def test_a_placeholder_that_cannot_be_replaced_is_one_error(body: str, said: str) -> None:
    assert said in fault(ONE, body)


@pytest.mark.parametrize("edge", ["label=l", 'condition="x=1"', "weight=0", "freeform=true"])
def test_a_bypass_loses_no_attribute_with_a_meaning(edge: str) -> None:
    assert edge.partition("=")[0] in fault(EMPTY, f"part [import=a.fabro] start -> part [{edge}] part -> end")
    assert edge.partition("=")[0] in fault(EMPTY, f"part [import=a.fabro] start -> part part -> end [{edge}]")


def test_a_circle_names_its_files() -> None:
    files = {
        "a.fabro": "digraph A { start end x [import=b.fabro] start -> x -> end }",
        "b.fabro": "digraph B { start end y [import=a.fabro] start -> y -> end }",
    }
    (diagnostic,) = compiled("start end part [import=a.fabro] start -> part -> end", files=files).diagnostics
    assert (diagnostic.rule, diagnostic.node_id) == ("import_error", "part.x.y")
    assert "flows/a.fabro -> flows/b.fabro -> flows/a.fabro" in diagnostic.message
    assert diagnostic.source_path == "flows/b.fabro"


def test_nothing_else_is_said_of_a_placeholder_that_stays() -> None:
    body = 'part [import="gone.fabro"] start -> part -> end'
    assert found(body) == [("import_error", "part", None)]


def test_what_is_wrong_inside_is_told_once_for_each_import_before_the_fault() -> None:
    imported = 'digraph A { start end x [prompt="{{ inputs.gone }}"] start -> x start -> x x -> end }'
    body = "p [import=a.fabro] q [import=a.fabro] start -> p -> q -> end"
    assert found(body, files={"a.fabro": imported}) == [
        ("template_undefined_variable", "p.x", None),
        ("import_error", "p", None),
        ("template_undefined_variable", "q.x", None),
        ("import_error", "q", None),
    ]


def test_imports_that_multiply_are_refused() -> None:
    files = {
        f"{number}.fabro": f"digraph A {{ start end a [import={number + 1}.fabro] b [import={number + 1}.fabro] "
        "start -> a -> b -> end }"
        for number in range(30)
    }
    files = {key: text.replace("import=", 'import="').replace(".fabro]", '.fabro"]') for key, text in files.items()}
    with pytest.raises(InvalidRequest, match="too large"):
        compiled('start end part [import="0.fabro"] start -> part -> end', files=files | {"30.fabro": ONE})


def test_empty_graphs_that_multiply_vanish_all_the_same() -> None:
    files = {
        f"{number}.fabro": f'digraph A {{ start end a [import="{number + 1}.fabro"] b [import="{number + 1}.fabro"] '
        "start -> a -> b -> end }"
        for number in range(30)
    }
    graph = graph_of('start end part [import="0.fabro"] start -> part -> end', files=files | {"30.fabro": EMPTY})
    assert ends(graph) == [("start", "end")]
