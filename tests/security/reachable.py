"""Everything that can be reached from an object, as a debugger would: attributes, slots, items, closures."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Iterator, Mapping
from logging import Logger
from types import CellType, FunctionType, MethodType, ModuleType

from fabro_core.secret import Secret

_VALUES = (str, bytes, bytearray, int, float, complex, bool, type(None))
_SHARED = (type, ModuleType, Logger, AbstractEventLoop)
"""What everything in a process is reachable from."""
_LEAVES = (*_VALUES, *_SHARED, Secret)
"""What is not looked into; `Secret` is where secrets belong."""


def reachable(root: object) -> Iterator[object]:
    """Each object once, the nearest first, but nothing by way of what a whole process shares."""
    seen: dict[int, object] = {}  # objects too, so that no id is used again
    level = [root]
    while level:
        following = []
        for found in level:
            if id(found) in seen:
                continue
            seen[id(found)] = found
            yield found
            if not isinstance(found, _LEAVES):
                following += list(_below(found))
        level = following


def _below(found: object) -> Iterator[object]:
    match found:
        case FunctionType():
            yield from found.__closure__ or ()
            yield from found.__defaults__ or ()
        case MethodType():
            yield found.__self__
            yield found.__func__
        case CellType():
            yield from _content(found)
        case Mapping():
            yield from list(found.keys())
            yield from list(found.values())
        case list() | tuple() | set() | frozenset():
            yield from found
    yield from list(getattr(found, "__dict__", {}).values())
    for kind in type(found).__mro__:
        for name in _names(kind):
            yield from _slot(found, name)


def _names(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _slot(found: object, name: str) -> Iterator[object]:
    try:
        yield object.__getattribute__(found, name)
    except AttributeError:  # not set, or spelt otherwise in the object
        return


def _content(cell: CellType) -> Iterator[object]:
    try:
        yield cell.cell_contents
    except ValueError:  # empty
        return
