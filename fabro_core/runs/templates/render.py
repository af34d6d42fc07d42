"""Renders templates by walking through them (language.md L10).

Jinja's own way makes Python code of a template, which nobody could stop once it runs. Here each step is counted and
each value is looked at before it is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from jinja2 import nodes

from fabro_core.runs.templates import filters
from fabro_core.runs.templates.expressions import Expressions, fault_at
from fabro_core.runs.templates.faults import Misuse, TemplateFault, TemplatePlace
from fabro_core.runs.templates.scope import Block, Frame, Loop, Macro, Module, ParentBlock, Recursion, Scope
from fabro_core.runs.templates.source import ParsedTemplate, Reference
from fabro_core.runs.templates.values import Namespace, Undefined, Value, is_list, items_of, kind_of, text_of
from fabro_core.runs.templates.work import MAX_DEPTH, Work


class TemplateFile(NamedTuple):
    """A file that templates may include."""

    path: str
    content: str


Load = Callable[[str | None, str], TemplateFile | None]
"""The file that a reference (second) means in the file (first; None: the text that is rendered).

None when there is no such file; raises `Misuse` for a reference that may not be made."""


class Unbound(NamedTuple):
    """The first name without a value that a template has used."""

    expression: str
    """As it is written."""
    at: TemplatePlace | None
    """None when it cannot be told."""


class Rendered(NamedTuple):
    """A text with everything put in that the template names."""

    text: str
    unbound: Unbound | None
    """None: every name that was used has a value. In `text` a name without one is empty."""


def render(text: str, names: Mapping[str, Value], load: Load, work: Work) -> Rendered:
    """Render a text. Raises `TemplateFault`, also when the work that is allowed is used up."""
    renderer = _Renderer(load, work)
    work.unbound = None
    try:
        template = work.parsed(text, None)
        renderer.require_references(template)
        result = renderer.template(template, Scope(names=names), {})
        work.result(len(result))
        result.encode()
    except Misuse as error:
        raise TemplateFault(str(error), TemplatePlace(None, 1)) from None
    except UnicodeEncodeError:
        raise TemplateFault("half of a character, which no text can hold", TemplatePlace(None, 1)) from None
    except RecursionError:
        raise TemplateFault("the template is nested too deeply", TemplatePlace(None, 1)) from None
    return Rendered(result, renderer.told(work.unbound))


class _Renderer(Expressions):
    """Renders one text and what it includes."""

    def __init__(self, load: Load, work: Work) -> None:
        super().__init__(work)
        self._load = load
        self.depth = 0
        self._sources: dict[str | None, str] = {}

    def told(self, unbound: Undefined | None) -> Unbound | None:
        """What is said about a name without a value."""
        if unbound is None:
            return None
        at = unbound.at
        if at is not None:
            at = at._replace(column=_column(self._sources.get(at.path, ""), at.line, unbound.expression))
        return Unbound(unbound.expression, at)

    # -- templates ----------------------------------------------------------------------------------------------

    def require_references(self, template: ParsedTemplate) -> None:
        """Every file that the template refers to is there, and so on from those. Raises `TemplateFault`."""
        ahead, seen = [template], {template.path}
        while ahead:
            here = ahead.pop()
            self._sources[here.path] = here.source
            for reference in here.references:
                if (found := self._found(here, reference)) is not None and found.path not in seen:
                    seen.add(found.path)
                    ahead.append(found)

    def _found(self, template: ParsedTemplate, reference: Reference) -> ParsedTemplate | None:
        """The template that another one refers to; None when it is missing and may be."""
        at = TemplatePlace(template.path, reference.line)
        try:
            self.work.step()
            file = self._load(template.path, reference.path)
        except Misuse as error:
            raise TemplateFault(str(error), at) from None
        if file is None:
            if reference.may_be_missing:
                return None
            raise TemplateFault(f'there is no file "{reference.path}"', at)
        try:
            return self.work.parsed(file.content, file.path)
        except Misuse as error:
            raise TemplateFault(str(error), at) from None

    def template(self, template: ParsedTemplate, scope: Scope, blocks: Mapping[str, tuple[Block, ...]]) -> str:
        """A whole template. What it extends is rendered in its place, with its blocks."""
        with _Deeper(self):
            own = {
                node.name: (*blocks.get(node.name, ()), Block(node, template)) for node in _blocks(template.root.body)
            }
            frame = Frame(template, scope, {**blocks, **own})
            written: list[str] = []
            parent: ParsedTemplate | None = None
            for node in template.root.body:
                if isinstance(node, nodes.Extends):
                    reference = next(each for each in template.references if each.line == node.lineno)
                    parent = self._found(template, reference)
                elif parent is None or not isinstance(node, nodes.Output | nodes.Block):
                    self._statement(node, frame, written)
            return self._joined(written) if parent is None else self.template(parent, scope, frame.blocks)

    # -- statements ---------------------------------------------------------------------------------------------

    def _text(self, body: Iterable[nodes.Node], frame: Frame) -> str:
        written: list[str] = []
        self._body(body, frame, written)
        return self._joined(written)

    def _joined(self, written: Sequence[str]) -> str:
        self.work.text(sum(map(len, written)))
        return "".join(written)

    def _body(self, body: Iterable[nodes.Node], frame: Frame, written: list[str]) -> None:
        for node in body:
            self._statement(node, frame, written)

    def _statement(self, node: nodes.Node, frame: Frame, written: list[str]) -> None:
        try:
            self.work.step()
            self._write(node, frame, written)
        except Misuse as error:
            raise fault_at(error, node, frame) from None

    def _write(self, node: nodes.Node, frame: Frame, written: list[str]) -> None:
        match node:
            case nodes.Output(nodes=parts):
                for part in parts:
                    text = self.text(part, frame)
                    self.work.text(len(text))
                    written.append(text)
            case nodes.If(elif_=others, else_=otherwise):
                for branch in (node, *others):
                    if self.truth(branch.test, frame):
                        self._body(branch.body, frame, written)
                        return
                self._body(otherwise, frame, written)
            case nodes.For():
                items = self.value(node.iter, frame)
                written.append(self._loop(node, items, frame, depth=1))
            case nodes.Assign(target=target, node=inner):
                self._assign(target, self.value(inner, frame), frame)
            case nodes.AssignBlock(target=target, filter=chain, body=body):
                text = self._text(body, frame.within(Scope(frame.scope)))
                self._assign(target, text if chain is None else self._filtered(chain, text, frame), frame)
            case nodes.With(targets=targets, values=values, body=body):
                inner_frame = frame.within(Scope(frame.scope))
                for target, value in zip(targets, values, strict=True):
                    self._assign(target, self.value(value, frame), inner_frame)
                self._body(body, inner_frame, written)
            case nodes.Macro(name=name):
                frame.scope.names[name] = Macro(node, frame, name)
            case nodes.CallBlock(call=call):
                macro = self.value(call.node, frame)
                if not isinstance(macro, Macro):
                    raise Misuse(f"{kind_of(macro)} cannot be called with a body")
                arguments, named = self._arguments(call, frame)
                written.append(self.call_macro(macro, arguments, named, caller=Macro(node, frame, "caller")))
            case nodes.FilterBlock(filter=chain, body=body):
                text = self._text(body, frame.within(Scope(frame.scope)))
                written.append(text_of(self._filtered(chain, text, frame), self.work))
            case nodes.Block(name=name):
                written.append(self._block(frame.blocks[name], frame))
            case nodes.Include() | nodes.Import() | nodes.FromImport():
                self._use(node, frame, written)
            case nodes.Scope(body=body) | nodes.ScopedEvalContextModifier(body=body):
                self._body(body, frame.within(Scope(frame.scope)), written)
            case nodes.EvalContextModifier():
                pass
            case nodes.Extends():
                raise Misuse("a template extends another one at its top only")
            case _:
                raise Misuse(f"{type(node).__name__} is not supported")

    # -- loops, macros, blocks ----------------------------------------------------------------------------------

    def _loop(self, node: nodes.For, items: Value, frame: Frame, *, depth: int) -> str:
        recursion = Recursion(node, frame) if node.recursive else None
        chosen = items_of(items, self.work)
        if node.test is not None:
            chosen = [item for item in chosen if self.truth(node.test, self._turn(node, item, frame))]
        loop = Loop(chosen, recursion, depth)
        written: list[str] = []
        with _Deeper(self):
            for index, item in enumerate(chosen):
                self.work.step()
                loop.index0 = index
                turn = self._turn(node, item, frame)
                turn.scope.names["loop"] = loop
                self._body(node.body, turn, written)
            if not chosen:
                self._body(node.else_, frame.within(Scope(frame.scope)), written)
        return self._joined(written)

    def _turn(self, node: nodes.For, item: Value, frame: Frame) -> Frame:
        turn = frame.within(Scope(frame.scope))
        self._assign(node.target, item, turn)
        return turn

    def call_loop(self, loop: Loop, items: Value) -> str:
        if loop.recursion is None:
            raise Misuse("a loop that is not recursive cannot be called")
        return self._loop(loop.recursion.node, items, loop.recursion.frame, depth=loop.depth + 1)

    def call_macro(
        self, macro: Macro, arguments: list[Value], named: dict[str, Value], caller: Macro | None = None
    ) -> str:
        node = macro.node
        scope = Scope(macro.frame.scope, {} if caller is None else {"caller": caller})
        frame = macro.frame.within(scope)
        names = [parameter.name for parameter in node.args]
        if len(arguments) > len(names) or set(named) - set(names[len(arguments) :]):
            raise Misuse(f'the macro "{macro.name}" takes {", ".join(names) or "no arguments"}')
        given = dict(zip(names, arguments, strict=False)) | named
        defaults = dict(zip(names[len(names) - len(node.defaults) :], node.defaults, strict=True))
        with _Deeper(self):
            for name in names:
                if name in given:
                    scope.names[name] = given[name]
                elif name in defaults:
                    scope.names[name] = self.value(defaults[name], frame)
                else:
                    scope.names[name] = Undefined(name)
            return self._text(node.body, frame)

    def call_parent(self, parent: ParentBlock) -> str:
        if not parent.blocks:
            raise Misuse("the block has none above it")
        return self._block(parent.blocks, parent.frame)

    def _block(self, blocks: tuple[Block, ...], frame: Frame) -> str:
        """The first of the blocks of one name; `super()` in it is the next."""
        scope = Scope(frame.scope, {"super": ParentBlock(blocks[1:], frame)})
        with _Deeper(self):
            return self._text(blocks[0].node.body, Frame(blocks[0].template, scope, frame.blocks))

    # -- other templates ----------------------------------------------------------------------------------------

    def _use(self, node: nodes.Include | nodes.Import | nodes.FromImport, frame: Frame, written: list[str]) -> None:
        path = node.template.value if isinstance(node.template, nodes.Const) else ""
        may_be_missing = isinstance(node, nodes.Include) and node.ignore_missing
        used = self._found(frame.template, Reference(path, node.lineno, may_be_missing))
        if used is None:
            return
        if isinstance(node, nodes.Include):
            written.append(self.template(used, Scope(frame.scope), {}))
            return
        scope = Scope(frame.scope)
        self.template(used, scope, {})
        if isinstance(node, nodes.Import):
            frame.scope.names[node.target] = Module(scope.names)
            return
        for each in node.names:
            name, target = each if isinstance(each, tuple) else (each, each)
            if name not in scope.names:
                raise Misuse(f'"{path}" has no "{name}"')
            frame.scope.names[target] = scope.names[name]

    # -- values -------------------------------------------------------------------------------------------------

    def _assign(self, target: nodes.Node, value: Value, frame: Frame) -> None:
        match target:
            case nodes.Name(name=name):
                frame.scope.names[name] = value
            case nodes.NSRef(name=name, attr=member):
                namespace = self._name(name, target, frame)
                if not isinstance(namespace, Namespace):
                    raise Misuse(f'"{name}" is no namespace')
                namespace.members[member] = value
            case nodes.Tuple(items=targets):
                if not is_list(value) or len(value) != len(targets):
                    raise Misuse(f"{kind_of(value)} does not have {len(targets)} parts")
                for each, part in zip(targets, value, strict=True):
                    self._assign(each, part, frame)
            case _:
                raise Misuse("this cannot be set")

    def _filtered(self, chain: nodes.Filter, text: str, frame: Frame) -> Value:
        """A text through the filters of a block."""
        value = text if chain.node is None else self._filtered(chain.node, text, frame)  # type: ignore[arg-type]
        arguments, named = self._arguments(chain, frame)
        return filters.apply(self.work, chain.name, value, arguments, named)


class _Deeper:
    """Counts how deep templates, macros, loops and blocks are in each other."""

    def __init__(self, renderer: _Renderer) -> None:
        self._renderer = renderer

    def __enter__(self) -> None:
        self._renderer.depth += 1
        if self._renderer.depth > MAX_DEPTH:
            raise Misuse(f"templates, macros and loops are more than {MAX_DEPTH} deep in each other")

    def __exit__(self, *_: object) -> None:
        self._renderer.depth -= 1


def _blocks(body: Iterable[nodes.Node]) -> Iterator[nodes.Block]:
    """All blocks, those inside others too."""
    ahead = list(body)
    while ahead:
        node = ahead.pop()
        if isinstance(node, nodes.Block):
            yield node
        ahead.extend(node.iter_child_nodes())


_MARK: Final = re.compile(r"(?P<opens>\{[{%])|[}%]\}")
_WORD: Final = re.compile(r'\w+|"[^"]*"|\W')


def _column(source: str, line: int, expression: str) -> int | None:
    """Where an expression stands in its line, however it is spaced; None when it is not found."""
    start = sum(len(before) + 1 for before in source.split("\n")[: line - 1])
    parts = (re.escape(part).replace('"', "[\"']") for part in _WORD.findall(expression))
    pattern = re.compile(r"(?<![\w.])" + r"\s*".join(parts))
    for begin, end in _tags(source):
        found = pattern.search(source, max(begin, start), end) if end > start else None
        if found is not None:
            return found.start() - (source.rfind("\n", 0, found.start()) + 1) + 1
    return None


def _tags(source: str) -> Iterator[tuple[int, int]]:
    """From where to where tags go, told by their marks alone."""
    begin: int | None = None
    for mark in _MARK.finditer(source):
        if mark["opens"]:
            begin = mark.start() if begin is None else begin
        elif begin is not None:
            yield begin, mark.end()
            begin = None
