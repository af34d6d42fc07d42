"""Draws graphs beside the event loop, each once as long as there is room to keep it."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from functools import partial

from fabro_core.models.graph import decode_graph
from fabro_core.runs.off_loop import ON_LOOP_MAX_BYTES, OffLoop
from fabro_core.runs.pictures.direction import Direction

MAX_KEPT_BYTES = 8 * 1024 * 1024
"""Of pictures; the one that was asked for longest ago goes first."""


class Pictures:
    """The pictures of one server."""

    def __init__(self, off_loop: OffLoop, *, max_kept_bytes: int = MAX_KEPT_BYTES) -> None:
        self._off_loop = off_loop
        self._max_kept_bytes = max_kept_bytes
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._kept_bytes = 0

    async def draw(self, graph: bytes, direction: Direction | None) -> bytes:
        """The SVG of a graph in its JSON; None: in the direction that the graph asks for.

        Raises `Overloaded` when drawing takes too long.
        """
        key = hashlib.sha256(f"{direction or ''}:".encode() + graph).digest()
        picture = self._kept.get(key)
        if picture is None:
            size = max(len(graph), ON_LOOP_MAX_BYTES + 1)  # drawing takes longer than reading as much
            picture = await self._off_loop.run(partial(_drawn, graph, direction), size=size)
            self._keep(key, picture)
        else:
            self._kept.move_to_end(key)
        return picture

    def _keep(self, key: bytes, picture: bytes) -> None:
        if key in self._kept or len(picture) > self._max_kept_bytes:
            return
        self._kept[key] = picture
        self._kept_bytes += len(picture)
        while self._kept_bytes > self._max_kept_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= len(dropped)


def _drawn(graph: bytes, direction: Direction | None) -> bytes:
    from fabro_core.runs.pictures.svg import direction_of, svg  # of use only where somebody asks for pictures

    decoded = decode_graph(graph)
    return svg(decoded, direction or direction_of(decoded))
