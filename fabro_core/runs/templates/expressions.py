"""Works out the expressions of templates, one counted step a node."""

from __future__ import annotations

from typing import Final

from jinja2 import nodes

from fabro_core.runs.templates import filters, predicates
from fabro_core.runs.templates.faults import Misuse, TemplateFault, TemplatePlace
from fabro_core.runs.templates.operators import (
    Operator,
    add,
    divide,
    floor_divide,
    modulo,
    multiply,
    negate,
    power,
    subtract,
)
from fabro_core.runs.templates.scope import Frame, Function, Loop, LoopFunction, Macro, ParentBlock
from fabro_core.runs.templates.values import (
    Namespace,
    Undefined,
    Value,
    compare,
    contains,
    equal,
    is_list,
    is_number,
    kind_of,
    member,
    number,
    text_of,
    truth_of,
)
from fabro_core.runs.templates.work import Work

_ARITHMETIC: Final[dict[type[nodes.Node], Operator]] = {
    nodes.Add: add,
    nodes.Sub: subtract,
    nodes.Mul: multiply,
    nodes.Div: divide,
    nodes.FloorDiv: floor_divide,
    nodes.Mod: modulo,
    nodes.Pow: power,
}
_FUNCTIONS: Final = frozenset({"range", "dict", "namespace"})


class Expressions:
    """Works out expressions; macros, loops and blocks that they call are rendered by whoever inherits this."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def call_macro(self, macro: Macro, arguments: list[Value], named: dict[str, Value]) -> Value:
        raise NotImplementedError

    def call_loop(self, loop: Loop, items: Value) -> Value:
        raise NotImplementedError

    def call_parent(self, parent: ParentBlock) -> Value:
        raise NotImplementedError

    def value(self, node: nodes.Node, frame: Frame) -> Value:
        """The value of an expression. Raises `TemplateFault`."""
        try:
            self.work.step()
            return self._value(node, frame)
        except Misuse as error:
            raise fault_at(error, node, frame) from None

    def truth(self, node: nodes.Node, frame: Frame) -> bool:
        """Whether an expression holds."""
        return truth_of(self.value(node, frame), self.work)

    def text(self, node: nodes.Node, frame: Frame) -> str:
        """An expression as it is printed."""
        value = self.value(node, frame)
        try:
            return text_of(value, self.work)
        except Misuse as error:
            raise fault_at(error, node, frame) from None

    def _value(self, node: nodes.Node, frame: Frame) -> Value:
        match node:
            case nodes.Name(name=name):
                return self._name(name, node, frame)
            case nodes.Const(value=value):
                return frame.template.text(value) if isinstance(value, str) else _literal(value)
            case nodes.TemplateData(data=data):
                return frame.template.text(data)
            case nodes.Getattr(node=inner, attr=name):
                return self._member(node, self.value(inner, frame), name, frame)
            case nodes.Getitem(node=inner, arg=nodes.Slice() as part):
                return self._slice(node, self.value(inner, frame), part, frame)
            case nodes.Getitem(node=inner, arg=key):
                return self._member(node, self.value(inner, frame), self.value(key, frame), frame)
            case nodes.Filter(node=inner) if inner is not None:
                arguments, named = self._arguments(node, frame)
                return filters.apply(self.work, node.name, self.value(inner, frame), arguments, named)
            case nodes.Test(node=inner, name=name):
                arguments, named = self._arguments(node, frame)
                return predicates.test(self.work, name, self.value(inner, frame), arguments, named)
            case nodes.Call():
                return self._call(node, frame)
            case nodes.List(items=items) | nodes.Tuple(items=items):
                return [self.value(item, frame) for item in items]
            case nodes.Dict(items=pairs):
                return {self._key(pair.key, frame): self.value(pair.value, frame) for pair in pairs}
            case nodes.CondExpr(test=test, expr1=yes, expr2=no):
                if self.truth(test, frame):
                    return self.value(yes, frame)
                return "" if no is None else self.value(no, frame)
            case nodes.And(left=left, right=right):
                first = self.value(left, frame)
                return self.value(right, frame) if truth_of(first, self.work) else first
            case nodes.Or(left=left, right=right):
                first = self.value(left, frame)
                return first if truth_of(first, self.work) else self.value(right, frame)
            case nodes.Not(node=inner):
                return not self.truth(inner, frame)
            case nodes.Compare():
                return self._compare(node, frame)
            case nodes.Concat(nodes=parts):
                texts = [self.text(part, frame) for part in parts]
                self.work.text(sum(map(len, texts)))
                return "".join(texts)
            case nodes.BinExpr(left=left, right=right) if type(node) in _ARITHMETIC:
                return self._arithmetic(_ARITHMETIC[type(node)], self.value(left, frame), self.value(right, frame))
            case nodes.Neg(node=inner) | nodes.Pos(node=inner):
                operand = self.value(inner, frame)
                if isinstance(operand, Undefined):
                    self.work.used(operand)
                    return operand
                return negate(operand) if isinstance(node, nodes.Neg) else operand
            case _:
                raise Misuse(f"{type(node).__name__} is not supported")

    # -- names and members --------------------------------------------------------------------------------------

    def _name(self, name: str, node: nodes.Node, frame: Frame) -> Value:
        try:
            return frame.scope.get(name)
        except KeyError:
            return Function(name) if name in _FUNCTIONS else Undefined(name, place_of(node, frame))

    def _member(self, node: nodes.Node, value: Value, key: Value, frame: Frame) -> Value:
        if isinstance(value, Undefined):
            unbound = Undefined(written(node) or value.expression, value.at)
            self.work.used(unbound)
            return unbound
        if isinstance(key, Undefined):
            self.work.used(key)
            return key
        try:
            return member(value, key, self.work)
        except KeyError:
            return Undefined(written(node) or f"a member of {kind_of(value)}", place_of(node, frame))

    def _slice(self, node: nodes.Node, value: Value, part: nodes.Slice, frame: Frame) -> Value:
        if isinstance(value, Undefined):
            self.work.used(value)
            return value
        bounds = [None if each is None else self.value(each, frame) for each in (part.start, part.stop, part.step)]
        if not (isinstance(value, str) or is_list(value)):
            raise Misuse(f"{kind_of(value)} has no slices")
        if any(bound is not None and not isinstance(bound, int) for bound in bounds) or bounds[2] == 0:
            raise Misuse("the bounds of a slice are whole numbers, and its step is not 0")
        self.work.text(len(value)) if isinstance(value, str) else self.work.items(len(value))
        return value[slice(*bounds)]

    def _key(self, node: nodes.Node, frame: Frame) -> Value:
        key = self.value(node, frame)
        if isinstance(key, str | int | float | None):
            self.work.look_at(key)
            return key
        raise Misuse(f"{kind_of(key)} cannot be a key")

    # -- operators ----------------------------------------------------------------------------------------------

    def _arithmetic(self, operator: Operator, left: Value, right: Value) -> Value:
        for operand in (left, right):
            if isinstance(operand, Undefined):
                self.work.used(operand)
                return operand
        return operator(left, right, self.work)

    def _compare(self, node: nodes.Compare, frame: Frame) -> bool:
        left = self.value(node.expr, frame)
        for operand in node.ops:
            right = self.value(operand.expr, frame)
            if not self._holds(operand.op, left, right):
                return False
            left = right
        return True

    def _holds(self, operator: str, left: Value, right: Value) -> bool:
        match operator:
            case "eq":
                return equal(left, right, self.work)
            case "ne":
                return not equal(left, right, self.work)
            case "in" | "notin":
                if isinstance(right, Undefined):
                    self.work.used(right)
                    return operator == "notin"
                return contains(right, left, self.work) is (operator == "in")
        for operand in (left, right):
            if isinstance(operand, Undefined):
                self.work.used(operand)
                return False
        order = compare(left, right, self.work)
        return {"lt": order < 0, "lteq": order <= 0, "gt": order > 0, "gteq": order >= 0}[operator]

    # -- calls --------------------------------------------------------------------------------------------------

    def _arguments(
        self, node: nodes.Filter | nodes.Test | nodes.Call, frame: Frame
    ) -> tuple[list[Value], dict[str, Value]]:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise Misuse("* and ** in arguments are not supported")
        arguments = [self.value(each, frame) for each in node.args]
        named = {each.key: self.value(each.value, frame) for each in node.kwargs if isinstance(each, nodes.Keyword)}
        return arguments, named

    def _call(self, node: nodes.Call, frame: Frame) -> Value:
        called = self.value(node.node, frame)
        arguments, named = self._arguments(node, frame)
        match called:
            case Undefined():
                self.work.used(called)
                return called
            case Macro():
                return self.call_macro(called, arguments, named)
            case ParentBlock() if not arguments and not named:
                return self.call_parent(called)
            case Loop() if len(arguments) == 1 and not named:
                return self.call_loop(called, arguments[0])
            case LoopFunction(name="cycle") if not named:
                return called.cycle(arguments)
            case LoopFunction(name="changed") if not named:
                return called.changed(arguments, lambda ours, theirs: equal(ours, theirs, self.work))
            case Function(name="range") if not named:
                return self._range(arguments)
            case Function(name="dict") if len(arguments) <= 1:
                return {**self._mapping(arguments), **named}
            case Function(name="namespace") if len(arguments) <= 1:
                return Namespace({**self._mapping(arguments), **named})
            case _:
                raise Misuse(f"{kind_of(called)} cannot be called like that")

    def _mapping(self, arguments: list[Value]) -> dict[str, Value]:
        if not arguments:
            return {}
        if not isinstance(arguments[0], dict):
            raise Misuse(f"{kind_of(arguments[0])} is no map")
        self.work.items(len(arguments[0]))
        return arguments[0]

    def _range(self, arguments: list[Value]) -> list[int]:
        if not (1 <= len(arguments) <= 3 and all(is_number(each) and isinstance(each, int) for each in arguments)):
            raise Misuse('"range" wants one to three whole numbers')
        if len(arguments) == 3 and arguments[2] == 0:
            raise Misuse('the step of "range" is 0')
        numbers = range(*arguments)
        try:
            self.work.items(len(numbers))
        except OverflowError:
            raise Misuse('"range" of more than any list can hold') from None
        return list(numbers)


def _literal(value: Value) -> Value:
    return number(value) if is_number(value) else value


def place_of(node: nodes.Node, frame: Frame) -> TemplatePlace:
    return TemplatePlace(frame.template.path, node.lineno)


def fault_at(error: Misuse, node: nodes.Node, frame: Frame) -> TemplateFault:
    return TemplateFault(str(error), place_of(node, frame))


def written(node: nodes.Node) -> str | None:
    """A name with its members as it is written; None for any other expression."""
    match node:
        case nodes.Name(name=name):
            return name
        case nodes.Getattr(node=inner, attr=name) if (before := written(inner)) is not None:
            return f"{before}.{name}"
        case nodes.Getitem(node=inner, arg=nodes.Const(value=str(key))) if (before := written(inner)) is not None:
            return f'{before}["{key}"]'
        case nodes.Getitem(node=inner, arg=nodes.Const(value=int(key))) if (before := written(inner)) is not None:
            return f"{before}[{key}]"
        case _:
            return None
