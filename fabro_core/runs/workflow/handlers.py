"""Which handler executes a node (runs.md R8.4)."""

from __future__ import annotations

from fabro_core.models.graph import Attributes, Handler, String

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

TYPES: dict[str, Handler] = {**{handler.value: handler for handler in Handler}, "tool": Handler.COMMAND}
"""The handler that a `type` attribute names."""

_IDS: dict[str, Handler] = {
    "start": Handler.START,
    "Start": Handler.START,
    "exit": Handler.EXIT,
    "Exit": Handler.EXIT,
    "end": Handler.EXIT,
    "End": Handler.EXIT,
}


def handler_of(node_id: str, *, own: Attributes, inherited: Attributes) -> Handler:
    """The handler of a node from its own attributes and those that defaults gave it; what comes first here decides.

    An unknown `type` says nothing; an unknown shape says what `box` says (R8.5).
    """
    named = TYPES.get(text_of(inherited | own, "type") or "")
    if named is not None:
        return named
    if "shape" in own:
        return _of_shape(own)
    if "script" in own or "script" in inherited:
        return Handler.COMMAND
    if node_id in _IDS:
        return _IDS[node_id]
    return _of_shape(inherited)


def text_of(attrs: Attributes, key: str) -> str | None:
    """The text of a String attribute; None when it is absent or of another type."""
    value = attrs.get(key)
    return value.value if isinstance(value, String) else None


def _of_shape(attrs: Attributes) -> Handler:
    return SHAPES.get(text_of(attrs, "shape") or "box", Handler.AGENT)
