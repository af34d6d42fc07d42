"""Outlines of nodes, by the shape that the graph names."""

from __future__ import annotations

from collections.abc import Callable

Corner = tuple[float, float]
Polygon = tuple[Corner, ...]


def _scaled(*corners: Corner) -> Callable[[float, float], Polygon]:
    """A polygon given for a box from -1 to 1 in both directions."""
    return lambda width, height: tuple((x * width / 2, y * height / 2) for x, y in corners)


_BOX = _scaled((-1, -1), (1, -1), (1, 1), (-1, 1))
_DIAMOND = _scaled((0, -1), (1, 0), (0, 1), (-1, 0))
_OUTLINES: dict[str, Callable[[float, float], Polygon]] = {
    "Mdiamond": _DIAMOND,
    "diamond": _DIAMOND,
    "Msquare": _BOX,
    "box": _BOX,
    "tab": _scaled((-1, -1), (-0.4, -1), (-0.4, -0.75), (1, -0.75), (1, 1), (-1, 1)),
    "hexagon": _scaled((-0.85, -1), (0.85, -1), (1, 0), (0.85, 1), (-0.85, 1), (-1, 0)),
    "component": _scaled((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, 0.5), (-0.9, 0.5), (-0.9, -0.5), (-1, -0.5)),
    "tripleoctagon": _scaled((-0.8, -1), (0.8, -1), (1, -0.5), (1, 0.5), (0.8, 1), (-0.8, 1), (-1, 0.5), (-1, -0.5)),
    "parallelogram": _scaled((-0.8, -1), (1, -1), (0.8, 1), (-1, 1)),
    "house": _scaled((0, -1), (1, -0.4), (1, 1), (-1, 1), (-1, -0.4)),
    "insulator": _scaled((-1, -1), (1, -1), (0.85, 0), (1, 1), (-1, 1), (-0.85, 0)),
}
_ROOM: dict[str, tuple[float, float]] = {
    "Mdiamond": (1.6, 1.5),
    "diamond": (1.6, 1.5),
    "hexagon": (1.15, 1.0),
    "tripleoctagon": (1.2, 1.0),
    "parallelogram": (1.2, 1.0),
    "house": (1.0, 1.4),
    "insulator": (1.2, 1.0),
    "tab": (1.0, 1.2),
}
_DOUBLE = frozenset({"Mdiamond", "Msquare", "tripleoctagon"})
_BETWEEN_LINES = 6.0


def size_of(shape: str, width: float, height: float) -> tuple[float, float]:
    """What a shape measures around a text of this size."""
    wide, high = _ROOM.get(shape, (1.0, 1.0))
    more = _BETWEEN_LINES if shape in _DOUBLE else 0.0
    return width * wide + more, height * high + more


def outlines(shape: str, width: float, height: float) -> tuple[Polygon, ...]:
    """The lines around a shape of this size, about its middle; an unknown shape is a box."""
    outline = _OUTLINES.get(shape, _BOX)
    if shape not in _DOUBLE:
        return (outline(width, height),)
    return (outline(width, height), outline(width - _BETWEEN_LINES, height - _BETWEEN_LINES))
