"""Names and what they stand for while a template is rendered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from fabro_core.runs.templates.faults import Misuse
from fabro_core.runs.templates.values import Opaque, Undefined, Value

if TYPE_CHECKING:
    from jinja2 import nodes

    from fabro_core.runs.templates.source import ParsedTemplate

_ABSENT: Final = object()


class Scope:
    """Names of a part of a template; what it does not know, the part around it may."""

    __slots__ = ("_around", "names")

    def __init__(self, around: Scope | None = None, names: Mapping[str, Value] | None = None) -> None:
        self._around = around
        self.names: dict[str, Value] = dict(names or {})

    def get(self, name: str) -> Value:
        """Raises `KeyError` for a name that nothing is bound to."""
        scope: Scope | None = self
        while scope is not None:
            value = scope.names.get(name, _ABSENT)
            if value is not _ABSENT:
                return value
            scope = scope._around
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where rendering stands: the template, and the blocks that templates which extend it put in place of its own."""

    template: ParsedTemplate
    scope: Scope
    blocks: Mapping[str, tuple[Block, ...]] = field(default_factory=dict)
    """By name, the one that counts first."""

    def within(self, scope: Scope) -> Frame:
        """The same place in another scope."""
        return Frame(self.template, scope, self.blocks)


@dataclass(frozen=True, slots=True)
class Block:
    """A block and the template that it is of."""

    node: nodes.Block
    template: ParsedTemplate


@dataclass(frozen=True, slots=True)
class Recursion:
    """A loop that can be called with other items."""

    node: nodes.For
    frame: Frame


class ParentBlock(Opaque):
    """`super` in a block: what stands in the templates above it."""

    kind = "block"

    def __init__(self, blocks: tuple[Block, ...], frame: Frame) -> None:
        self.blocks, self.frame = blocks, frame


class Macro(Opaque):
    """A macro, with the place where it was made."""

    kind = "macro"

    def __init__(self, node: nodes.Macro | nodes.CallBlock, frame: Frame, name: str) -> None:
        self.node, self.frame, self.name = node, frame, name

    def member(self, name: str) -> Value:
        if name == "name":
            return self.name
        raise KeyError(name)


class Module(Opaque):
    """What `import` makes of a template: the names that it sets."""

    kind = "template"

    def __init__(self, names: Mapping[str, Value]) -> None:
        self._names = names

    def member(self, name: str) -> Value:
        return self._names[name]


class Function(Opaque):
    """`range`, `dict`, `namespace`, and what loops and blocks offer."""

    kind = "function"

    def __init__(self, name: str) -> None:
        self.name = name


class Loop(Opaque):
    """`loop`: where a loop stands."""

    kind = "loop"

    def __init__(self, items: Sequence[Value], recursion: Recursion | None, depth: int) -> None:
        self._items = items
        self.recursion = recursion
        self.depth = depth
        self.index0 = 0
        self.last_changed: Value = _ABSENT

    def member(self, name: str) -> Value:
        """Names that the loop does not have raise `KeyError`."""
        left = len(self._items) - self.index0
        match name:
            case "index":
                return self.index0 + 1
            case "index0":
                return self.index0
            case "revindex":
                return left
            case "revindex0":
                return left - 1
            case "first":
                return self.index0 == 0
            case "last":
                return left == 1
            case "length":
                return len(self._items)
            case "depth":
                return self.depth
            case "depth0":
                return self.depth - 1
            case "previtem":
                return self._items[self.index0 - 1] if self.index0 else Undefined("loop.previtem")
            case "nextitem":
                return self._items[self.index0 + 1] if left > 1 else Undefined("loop.nextitem")
            case "cycle" | "changed":
                return LoopFunction(self, name)
            case _:
                raise KeyError(name)


class LoopFunction(Function):
    """`loop.cycle` and `loop.changed`."""

    def __init__(self, loop: Loop, name: str) -> None:
        super().__init__(name)
        self._loop = loop

    def cycle(self, values: Sequence[Value]) -> Value:
        """The values in turn."""
        if not values:
            raise Misuse("loop.cycle wants values")
        return values[self._loop.index0 % len(values)]

    def changed(self, values: Sequence[Value], same: Callable[[Value, Value], bool]) -> bool:
        """Whether the values are others than in the turn before."""
        before, self._loop.last_changed = self._loop.last_changed, list(values)
        return before is _ABSENT or not same(before, list(values))
