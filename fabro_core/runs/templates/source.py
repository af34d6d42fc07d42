"""Reads the text of a template. Jinja's own parser does it; what it reads is interpreted here, never made into code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser

from fabro_core.runs.templates.faults import Misuse, TemplateFault, TemplatePlace
from fabro_core.runs.templates.filters import FILTERS
from fabro_core.runs.templates.predicates import PREDICATES

MAX_TOKENS: Final = 20_000
"""In one template; reading as many takes about 0.2 s."""

_STAND_INS: Final = "\x1c\x1d\x1e\x1f"
"""White space that does not end a line."""


class Reference(NamedTuple):
    """Another template that a template includes, imports or extends."""

    path: str
    line: int
    may_be_missing: bool


@dataclass(frozen=True, slots=True)
class ParsedTemplate:
    """A template that can be rendered any number of times."""

    root: nodes.Template
    path: str | None
    """Of the file; None for a text of a workflow."""
    source: str
    size: int
    """How many pieces it has."""
    references: tuple[Reference, ...]
    names: frozenset[str]
    """That it uses and binds nowhere."""
    carriage_return: str
    """What stands for carriage returns, which the parser would take for line ends; empty: nothing does."""

    def text(self, data: str) -> str:
        """A piece of the template's text as it was written."""
        return data.replace(self.carriage_return, "\r") if self.carriage_return else data


def parse(text: str, path: str | None) -> ParsedTemplate:
    """The template in `text`, which stands in the file `path`, None for a text of a workflow.

    Raises `TemplateFault`: for its syntax, its size, filters and tests that do not exist, and paths that are no
    literals.
    """
    body = text.removesuffix("\r\n") if text.endswith("\r\n") else text.removesuffix("\n")
    carriage_return = ""
    if "\r" in body:
        carriage_return = next((each for each in _STAND_INS if each not in body), "")
        body = body.replace("\r", carriage_return or "\n")
    try:
        root = Parser(_environment(), body).parse()
    except TemplateSyntaxError as error:
        reason = (error.message or "this is no template").rstrip(".")
        raise TemplateFault(reason, TemplatePlace(path, error.lineno)) from None
    except RecursionError:
        raise TemplateFault("the template is nested too deeply", TemplatePlace(path, 1)) from None
    except (Misuse, ValueError) as error:  # what int() and the decoding of escapes refuse
        raise TemplateFault(str(error), TemplatePlace(path, 1)) from None
    references: list[Reference] = []
    used: set[str] = set()
    bound: set[str] = set()
    size = 0
    for node in _all_nodes(root):
        size += 1
        match node:
            case nodes.Name(name=name, ctx="load"):
                used.add(name)
            case nodes.Name(name=name):
                bound.add(name)
            case nodes.Filter(name=str(name)) if name not in FILTERS:
                raise TemplateFault(f'there is no filter "{name}"', TemplatePlace(path, node.lineno))
            case nodes.Test(name=name) if name not in PREDICATES:
                raise TemplateFault(f'there is no test "{name}"', TemplatePlace(path, node.lineno))
            case nodes.Include() | nodes.Import() | nodes.FromImport() | nodes.Extends():
                references.append(_reference(node, path))
    return ParsedTemplate(root, path, text, size, tuple(references), frozenset(used - bound), carriage_return)


def _reference(node: nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends, path: str | None) -> Reference:
    match node.template:
        case nodes.Const(value=str(named)):
            return Reference(named, node.lineno, isinstance(node, nodes.Include) and node.ignore_missing)
        case _:
            raise TemplateFault("the path of another template must be written out", TemplatePlace(path, node.lineno))


def _all_nodes(root: nodes.Node) -> Iterator[nodes.Node]:
    """Without recursion, as a long sum is a deep tree."""
    ahead = [root]
    while ahead:
        node = ahead.pop()
        yield node
        ahead.extend(node.iter_child_nodes())


class _Counted(Extension):
    """Stops the parser at a template that is too large."""

    def filter_stream(self, stream: TokenStream) -> TokenStream:
        def counted() -> Iterator[Token]:
            for count, token in enumerate(stream):
                if count >= MAX_TOKENS:
                    raise Misuse(f"the template is too large: more than {MAX_TOKENS} symbols")
                yield token

        return TokenStream(counted(), stream.name, stream.filename)


@cache
def _environment() -> Environment:
    # escaping is a matter of the code that Jinja would make, and none is made
    return Environment(extensions=[_Counted], keep_trailing_newline=True, autoescape=True)
