"""Pictures as clients read them, and what may never be in one (events.md E10)."""

from __future__ import annotations

import asyncio
import hashlib
import re
import subprocess
import sys
from time import process_time
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fabro_core.models.graph import Graph, GraphEdge, GraphNode, String
from fabro_core.runs.off_loop import OffLoop
from fabro_core.runs.pictures.direction import Direction
from fabro_core.runs.pictures.pictures import Pictures
from fabro_core.runs.pictures.svg import svg
from fabro_core.runs.workflow.handlers import SHAPES
from tests.runs.pictures.reading import SVG, groups, texts, titles_of_edges, titles_of_nodes
from tests.runs.workflow.graphs import graph_of

WAY = "start end a [prompt=p] start -> a -> end"
NASTY = '"><script>alert(1)</script><a href="javascript:x" onclick=\'y\' style="z">&amp;\x00\x0b]]>'


def drawn(body: str, direction: Direction = Direction.TB) -> str:
    return svg(graph_of(body), direction).decode()


def test_each_node_is_a_group_with_its_id_as_title() -> None:
    picture = drawn(WAY)
    assert titles_of_nodes(picture) == ["start", "end", "a"]
    assert titles_of_edges(picture) == ["start->a", "a->end"]
    assert '<g class="node"><title>start</title>' in picture


def test_labels_are_shown_and_ids_where_there_is_none() -> None:
    body = WAY + ' a [label="Do it\\nnow"] a -> a [label=again]'
    assert texts(drawn(body)) == ["again", "start", "end", "Do it", "now"]


def test_a_long_label_is_cut_and_the_title_is_whole() -> None:
    long = "x" * 200
    picture = drawn(f'{WAY} "{long}" [label="one\\n{long}\\nthree\\nfour"] a -> "{long}"')
    assert long in titles_of_nodes(picture)
    assert max(map(len, texts(picture))) == 32
    assert texts(picture)[-1] == "three…"


@pytest.mark.parametrize("shape", [*SHAPES, "ellipse"])
def test_every_shape_has_an_outline(shape: str) -> None:
    (_, _, node) = groups(drawn(f"start end a [shape={shape}] start -> a -> end"), "node")
    assert node.findall(f"{SVG}polygon")


@pytest.mark.parametrize("direction", Direction)
def test_edges_lead_in_the_direction(direction: Direction) -> None:
    axis = "y" if direction.is_vertical else "x"
    at = {
        node.findtext(f"{SVG}title"): float(text.get(axis, ""))
        for node in groups(drawn(WAY, direction), "node")
        for text in node.findall(f"{SVG}text")
    }
    onward = sorted(at, key=lambda node: at[node], reverse=direction.is_turned)
    assert onward == ["start", "a", "end"]


def test_edges_with_the_same_ends_do_not_cover_each_other() -> None:
    paths = re.findall(r'<path d="([^"]+)"', drawn(f"{WAY} a -> end a -> end end -> a"))
    assert len(set(paths)) == len(paths) == 5


def test_an_edge_to_nowhere_is_left_out() -> None:
    assert titles_of_edges(drawn(f"{WAY} a -> gone gone -> a")) == ["start->a", "a->end"]


@pytest.mark.parametrize("direction", Direction)
def test_an_empty_graph_has_a_picture(direction: Direction) -> None:
    assert titles_of_nodes(svg(Graph(name="G", attrs={}, nodes={}, edges=()), direction).decode()) == []


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(Direction))
@example(NASTY, Direction.LR)
def test_texts_stay_texts_whatever_is_in_them(text: str, direction: Direction) -> None:
    node_id = text or "x"
    node = GraphNode(id=node_id, attrs={"label": String(text), "shape": String(text)})
    edge = GraphEdge(source=node_id, target=node_id, attrs={"label": String(text)})
    root = ElementTree.fromstring(svg(Graph(name=text, attrs={}, nodes={node_id: node}, edges=(edge,)), direction))
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {"svg", "g", "title", "polygon", "path", "text"}
    assert {name for each in root.iter() for name in each.attrib} <= {
        *("width", "height", "viewBox", "role", "font-family", "font-size", "text-anchor", "stroke", "fill"),
        *("class", "points", "d", "x", "y"),
    }


def test_the_same_graph_has_the_same_bytes_in_every_process() -> None:
    body = f"{WAY} a -> a b c b -> c c -> b start -> c"
    script = (
        "import hashlib\n"
        "from tests.runs.workflow.graphs import graph_of\n"
        "from fabro_core.runs.pictures.direction import Direction\n"
        "from fabro_core.runs.pictures.svg import svg\n"
        f"print(hashlib.sha256(svg(graph_of({body!r}), Direction.LR)).hexdigest(), end='')"
    )
    here = hashlib.sha256(svg(graph_of(body), Direction.LR)).hexdigest()
    for seed in ("0", "1"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": "."}
        there = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True)
        assert there.stdout.decode() == here


def large(count: int, edges: int) -> Graph:
    ids = [f"node_{number}" for number in range(count)]
    return Graph(
        name="Large",
        attrs={},
        nodes={each: GraphNode(id=each, attrs={"label": String(f"Step {each}")}) for each in ids},
        edges=tuple(
            GraphEdge(source=ids[number % count], target=ids[(number * 7 + 1) % count], attrs={})
            for number in range(edges)
        ),
    )


@pytest.mark.parametrize("edges", [700, 2_000])
def test_five_hundred_nodes_are_drawn_within_a_second(edges: int) -> None:
    graph = large(500, edges)
    began = process_time()
    svg(graph, Direction.TB)
    assert process_time() - began < 1


def test_a_picture_is_kept_by_the_bytes_of_its_graph_until_there_is_no_room() -> None:
    graphs = [msgspec.json.encode(large(count, count)) for count in (20, 21, 22)]

    async def draw() -> tuple[bool, bool]:
        much = Pictures(OffLoop())
        first = await much.draw(graphs[0], None)
        little = Pictures(OffLoop(), max_kept_bytes=int(len(first) * 2.5))
        again = [await little.draw(graph, None) for graph in (*graphs, graphs[0])]
        return await much.draw(graphs[0], None) is first, again[0] is again[-1]

    assert asyncio.run(draw()) == (True, False)


def test_the_same_graph_in_another_direction_is_another_picture() -> None:
    graph = msgspec.json.encode(large(5, 5))

    async def draw() -> set[bytes]:
        pictures = Pictures(OffLoop())
        return {await pictures.draw(graph, direction) for direction in (None, *Direction)}

    assert len(asyncio.run(draw())) == len(Direction)
