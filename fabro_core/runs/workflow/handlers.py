"""Which nodes start and end a graph, and what executes each of them (language.md L6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from fabro_core.models.graph import Attributes, Handler, decode_graph
from fabro_core.runs.workflow.attributes import text_of

SHAPES: dict[str, Handler] = {
    "Mdiamond": Handler.START,
    "Msquare": Handler.EXIT,
    "box": Handler.AGENT,
    "tab": Handler.PROMPT,
    "hexagon": Handler.HUMAN,
    "diamond": Handler.CONDITIONAL,
    "component": Handler.PARALLEL,
    "tripleoctagon": Handler.PARALLEL_FAN_IN,
    "parallelogram": Handler.COMMAND,
    "house": Handler.STACK_MANAGER_LOOP,
    "insulator": Handler.WAIT,
}
"""The handler that a shape stands for."""

OLDER_TYPES: dict[str, Handler] = {"agent_loop": Handler.AGENT, "one_shot": Handler.PROMPT}
"""Names that still work, and are warned of."""

TYPES: dict[str, Handler] = {
    **{handler.value: handler for handler in Handler},
    "tool": Handler.COMMAND,
    **OLDER_TYPES,
}
"""The handler that a `type` attribute names."""

START_SHAPE, EXIT_SHAPE = "Mdiamond", "Msquare"
_START_IDS = frozenset({"start", "Start"})
_EXIT_IDS = frozenset({"exit", "Exit", "end", "End"})


class Node(Protocol):
    """What a role is read from: a node of a finished graph, or of one in the making."""

    @property
    def id(self) -> str: ...
    @property
    def attrs(self) -> Attributes: ...


@dataclass(frozen=True, slots=True)
class Roles:
    """What the nodes of a graph are."""

    starts: tuple[str, ...]
    exits: tuple[str, ...]
    handlers: Mapping[str, Handler]
    """Of every node, by id."""
    classified: frozenset[str]
    """Nodes of which it is certain what executes them; rules about handlers leave the others alone."""


def stored_handlers(graph: bytes) -> Mapping[str, Handler]:
    """What executes each node of a finished graph, by node id, from the graph's JSON."""
    return roles_of(decode_graph(graph).nodes.values()).handlers


def roles_of(nodes: Iterable[Node]) -> Roles:
    """The roles of all nodes of a graph, in the order of the nodes."""
    nodes = list(nodes)
    starts = _ends(nodes, START_SHAPE, _START_IDS, Handler.START)
    exits = _ends(nodes, EXIT_SHAPE, _EXIT_IDS, Handler.EXIT)
    ends = dict.fromkeys(exits, Handler.EXIT) | dict.fromkeys(starts, Handler.START)
    return Roles(
        starts=starts,
        exits=exits,
        handlers={node.id: ends.get(node.id) or _handler(node.attrs) for node in nodes},
        classified=frozenset(node.id for node in nodes if _is_classified(node.attrs)),
    )


def effective_shape(attrs: Attributes) -> str:
    """The shape that selectors of a stylesheet see: a node without one has that of its handler."""
    shape = text_of(attrs, "shape")
    if shape is not None:
        return shape
    return "parallelogram" if "script" in attrs and "type" not in attrs else "box"


def _ends(nodes: list[Node], shape: str, ids: frozenset[str], handler: Handler) -> tuple[str, ...]:
    """The start nodes or the exit nodes. A `type` counts only when neither shapes nor ids tell."""
    told = tuple(node.id for node in nodes if node.id in ids or text_of(node.attrs, "shape") == shape)
    return told or tuple(node.id for node in nodes if text_of(node.attrs, "type") == handler)


def _handler(attrs: Attributes) -> Handler:
    """The handler of a node that is neither start nor exit; what comes first here decides."""
    named = TYPES.get(text_of(attrs, "type") or "")
    return named or SHAPES.get(effective_shape(attrs), Handler.AGENT)


def _is_classified(attrs: Attributes) -> bool:
    if "import" in attrs:
        return False
    kind = text_of(attrs, "type")
    return effective_shape(attrs) in SHAPES if kind is None else kind in TYPES
