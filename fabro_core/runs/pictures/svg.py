"""Writes a graph as SVG, in the structure that Graphviz writes (events.md E10).

Clients put the picture into their pages. So every text is escaped, and there is neither script nor style nor link nor
anything from elsewhere in it; lines and texts have the colour of the page's text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from xml.sax.saxutils import escape

from fabro_core.models.graph import Graph, GraphEdge, GraphNode
from fabro_core.runs.pictures.direction import Direction
from fabro_core.runs.pictures.placing import LAYER_GAP, Box, Placement, Point, place
from fabro_core.runs.pictures.shapes import outlines, size_of
from fabro_core.runs.workflow.attributes import text_of
from fabro_core.runs.workflow.handlers import effective_shape
from fabro_core.unseen import escaped_for_page

_MARGIN = 8.0
_NODE_FONT, _EDGE_FONT = 14, 11
_PADDING = (24.0, 20.0)
_MIN_SIZE = (64.0, 44.0)
_MAX_LINES, _MAX_COLUMNS = 3, 32
_ARROW = 8.0
_BESIDE = 14.0
"""Between edges that have the same ends."""
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def direction_of(graph: Graph) -> Direction:
    """The direction that the graph asks for."""
    return Direction.__members__.get(text_of(graph.attrs, "rankdir") or "", Direction.TB)


def svg(graph: Graph, direction: Direction) -> bytes:
    """The picture of a graph. Ends of edges that are no nodes are left out, with their edges."""
    return _Drawing(graph, direction).svg().encode()


class _Drawing:
    def __init__(self, graph: Graph, direction: Direction) -> None:
        self._graph = graph
        self._direction = direction
        self._nodes = list(graph.nodes.values())
        self._edges = [edge for edge in graph.edges if edge.source in graph.nodes and edge.target in graph.nodes]
        self._numbers = {node.id: number for number, node in enumerate(self._nodes)}
        self._labels = [_lines(text_of(node.attrs, "label") or node.id) for node in self._nodes]
        self._sizes = [_size(node, lines) for node, lines in zip(self._nodes, self._labels, strict=True)]
        self._edge_labels = [_lines(text_of(edge.attrs, "label") or "") for edge in self._edges]
        self._placement = self._placed()
        breadth, depth = self._placement.size
        self._width, self._height = (breadth, depth) if direction.is_vertical else (depth, breadth)

    def svg(self) -> str:
        width, height = (_number(each + 2 * _MARGIN) for each in (self._width, self._height))
        head = (
            '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" font-family="sans-serif" text-anchor="middle" '
            'stroke="currentColor" fill="none">\n'
            f'<g class="graph"><title>{_escaped(self._graph.name)}</title>\n'
        )
        return head + "\n".join([*self._edge_groups(), *self._node_groups()]) + "\n</g>\n</svg>\n"

    # -- where ------------------------------------------------------------------------------------------------

    def _placed(self) -> Placement:
        edges = [(self._numbers[edge.source], self._numbers[edge.target]) for edge in self._edges]
        return place(
            [Box(*self._turned(size)) for size in self._sizes], edges, [self._room(each) for each in self._edge_labels]
        )

    def _turned(self, size: tuple[float, float]) -> tuple[float, float]:
        """A size as breadth and depth, or back."""
        return size if self._direction.is_vertical else (size[1], size[0])

    def _room(self, label: Sequence[str]) -> float:
        """What an edge needs between two layers."""
        if not label:
            return LAYER_GAP
        width, height = _extent(label, _EDGE_FONT)
        return LAYER_GAP + (height if self._direction.is_vertical else width)

    def _at(self, point: Point) -> Point:
        """A place in the picture: to the right, then down."""
        across, along = point
        if self._direction.is_turned:
            along = self._placement.size[1] - along
        x, y = (across, along) if self._direction.is_vertical else (along, across)
        return x + _MARGIN, y + _MARGIN

    # -- nodes ------------------------------------------------------------------------------------------------

    def _node_groups(self) -> Iterator[str]:
        for node, lines, size, point in zip(self._nodes, self._labels, self._sizes, self._placement.nodes, strict=True):
            x, y = self._at(point)
            polygons = "".join(
                f'<polygon points="{" ".join(_point(x + dx, y + dy) for dx, dy in polygon)}"/>'
                for polygon in outlines(effective_shape(node.attrs), *size)
            )
            yield f'<g class="node"><title>{_escaped(node.id)}</title>{polygons}{_texts(lines, x, y, _NODE_FONT)}</g>'

    # -- edges ------------------------------------------------------------------------------------------------

    def _edge_groups(self) -> Iterator[str]:
        beside = _beside(self._edges)
        for number, edge in enumerate(self._edges):
            route = self._placement.routes[number]
            title = f"<title>{_escaped(edge.source)}-&gt;{_escaped(edge.target)}</title>"
            drawn = self._curve(route, beside[number], number) if route else self._loop(edge, number)
            yield f'<g class="edge">{title}{drawn}</g>'

    def _curve(self, route: Sequence[Point], beside: float, number: int) -> str:
        """A line through the points of a route, which leaves and enters nodes along the layers."""
        shifted = [(across + beside, along) for across, along in route]
        onward = 1 if shifted[-1][1] > shifted[0][1] else -1
        tip = shifted[-1]
        shifted[-1] = (tip[0], tip[1] - onward * _ARROW)
        path = [f"M{_point(*self._at(shifted[0]))}"]
        for (across, along), (next_across, next_along) in pairwise(shifted):
            middle = (along + next_along) / 2
            corners = ((across, middle), (next_across, middle), (next_across, next_along))
            path.append("C" + " ".join(_point(*self._at(corner)) for corner in corners))
        base = [(tip[0] + side * _ARROW / 2, shifted[-1][1]) for side in (-1, 1)]
        arrow = " ".join(_point(*self._at(corner)) for corner in (tip, *base))
        half = len(shifted) // 2
        (across, along), (next_across, next_along) = shifted[half - 1], shifted[half]
        x, y = self._at(((across + next_across) / 2, (along + next_along) / 2))
        return self._line("".join(path), arrow) + self._edge_text(number, x, y)

    def _loop(self, edge: GraphEdge, number: int) -> str:
        """An edge from a node to itself, at the corner of the node."""
        index = self._numbers[edge.source]
        x, y = self._at(self._placement.nodes[index])
        width, height = self._sizes[index]
        right, up = x + width / 2, y - height / 4
        path = (
            f"M{_point(right, up)}C{_point(right + 20, up - 8)} {_point(right + 20, y + 8)} {_point(right + _ARROW, y)}"
        )
        arrow = " ".join(_point(*corner) for corner in ((right, y), (right + _ARROW, y - 4), (right + _ARROW, y + 4)))
        return self._line(path, arrow) + self._edge_text(number, right + 20, up - 8)

    def _edge_text(self, number: int, x: float, y: float) -> str:
        """The label of an edge, beside a point of its line."""
        lines = self._edge_labels[number]
        width, height = _extent(lines, _EDGE_FONT)
        if self._direction.is_vertical:
            return _texts(lines, x + width / 2 + 6, y, _EDGE_FONT)
        return _texts(lines, x, y - height / 2 - 2, _EDGE_FONT)

    @staticmethod
    def _line(path: str, arrow: str) -> str:
        return f'<path d="{path}"/><polygon points="{arrow}" fill="currentColor"/>'


def _beside(edges: Sequence[GraphEdge]) -> list[float]:
    """How far each edge is drawn beside the middle, so that edges with the same ends do not cover each other."""
    together: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, edge in enumerate(edges):
        together[tuple(sorted((edge.source, edge.target)))].append(number)
    beside = [0.0] * len(edges)
    for numbers in together.values():
        gap = _BESIDE if len(numbers) <= 4 else 3 * _BESIDE / (len(numbers) - 1)
        for place_, number in enumerate(numbers):
            beside[number] = (place_ - (len(numbers) - 1) / 2) * gap
    return beside


# -- texts ------------------------------------------------------------------------------------------------------


def _lines(text: str) -> list[str]:
    """The first lines of a text, each cut to a length."""
    lines = [line.strip() for line in text[:1_000].split("\n") if line.strip()]
    shown = [line if len(line) <= _MAX_COLUMNS else f"{line[: _MAX_COLUMNS - 1]}…" for line in lines[:_MAX_LINES]]
    return [*shown[:-1], f"{shown[-1][: _MAX_COLUMNS - 1]}…"] if len(lines) > _MAX_LINES else shown


def _extent(lines: Sequence[str], font: int) -> tuple[float, float]:
    """About what lines of text measure; no font is asked, as no two machines have the same."""
    return max((_columns(line) for line in lines), default=0) * font * 0.56, len(lines) * font * 1.2


def _columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


def _size(node: GraphNode, lines: Sequence[str]) -> tuple[float, float]:
    width, height = _extent(lines, _NODE_FONT)
    least_width, least_height = _MIN_SIZE
    return size_of(
        effective_shape(node.attrs), max(width + _PADDING[0], least_width), max(height + _PADDING[1], least_height)
    )


def _texts(lines: Sequence[str], x: float, y: float, font: int) -> str:
    top = y - (len(lines) - 1) * font * 0.6 + font * 0.35
    return "".join(
        f'<text x="{_number(x)}" y="{_number(top + index * font * 1.2)}" font-size="{font}" stroke="none" '
        f'fill="currentColor">{_escaped(line)}</text>'
        for index, line in enumerate(lines)
    )


def _escaped(text: str) -> str:
    """A text as XML; characters that XML cannot hold are replaced, and those that nobody sees spelled out."""
    return escape(escaped_for_page(_NO_XML.sub("\ufffd", text)), {'"': "&quot;", "'": "&#39;"})


def _point(x: float, y: float) -> str:
    return f"{_number(x)},{_number(y)}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
