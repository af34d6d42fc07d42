"""Reads the text of a workflow file into statements (runs.md R8.4). It knows syntax only; `compile` gives it meaning.

Importing this module imports the parser library, which takes longer than anything else a server does before its first
answer: import it where a graph is parsed, not at the top.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken
from lark.parsers.lalr_interactive_parser import InteractiveParser

from fabro_core.models.graph import AttributeValue, String
from fabro_core.runs.workflow.literals import OutOfRange, bare, unquote
from fabro_core.runs.workflow.statements import (
    Attribute,
    AttributeStatement,
    Digraph,
    EdgeStatement,
    Name,
    NodeStatement,
    Position,
    Subgraph,
    WorkflowSyntaxError,
)

MAX_TOKENS = 20_000
"""Bounds the time that parsing takes, about 10 µs a token. A workflow of a thousand nodes stays below."""
MAX_DEPTH = 32
"""Nested subgraphs."""

_KEYWORDS = frozenset({"digraph", "graph", "node", "edge", "subgraph"})

_REASONS = (
    ("--", "undirected edges (--) are not supported; write ->"),
    ("<", "HTML strings are not supported; use a quoted string"),
    (":", "ports are not supported; quote a name that contains a colon"),
    ('"', "the quoted string is not closed"),
    ("/*", "the comment is not closed"),
    ("+", "strings cannot be joined with +; write one quoted string"),
    ("-", "a name cannot contain -; quote it"),
)
"""Why a text that begins like this cannot stand where it was met; the first match counts."""

_REASONS_AT_START = {
    "strict": "strict graphs are not supported; write digraph NAME { .. }",
    "graph": "undirected graphs are not supported; write digraph NAME { .. }",
}
_SUBGRAPH_AS_END = "a subgraph cannot be the end of an edge"

_END = frozenset({"$END", "<END-OF-FILE>"})
"""The parser's name and the lexer's name for it."""
_LONGEST_SHOWN = 40
"""Characters of a symbol that a message repeats."""

_EXPECTED = {"ID": "a name", "WORD": "a value", "STRING": "a quoted string"}


def parse(source: str, path: str) -> Digraph:
    """The statements of the workflow file `path`. Raises `WorkflowSyntaxError`."""
    parser = _grammar().parse_interactive(source)
    seen: list[Token] = []
    try:
        return _feed(parser, seen)
    except _Refused as error:
        _fail(path, error.at, error.reason)
    except UnexpectedInput as error:
        _fail(path, _position(error, seen), _reason(error, source, seen))


def _feed(parser: InteractiveParser, seen: list[Token]) -> Digraph:
    """Feeds the parser token by token, which is what bounds its work. Leaves the last two tokens in `seen`."""
    depth = 0
    for count, token in enumerate(parser.iter_parse()):
        seen[:] = [*seen[-1:], token]
        if count >= MAX_TOKENS:
            raise _Refused(_at(token), f"the graph is too large: more than {MAX_TOKENS} symbols")
        depth += (token.type == "LBRACE") - (token.type == "RBRACE")
        if depth > MAX_DEPTH:
            raise _Refused(_at(token), f"subgraphs are nested more than {MAX_DEPTH - 1} deep")
    end = Token.new_borrow_pos("$END", "", seen[-1]) if seen else Token("$END", "", 0, 1, 1)
    digraph: Digraph = parser.parser_state.feed_token(end, is_end=True)
    return digraph


@cache
def _grammar() -> Lark:
    """The parser, built once: it holds tables only and no state of a parse."""
    text = (files("fabro_core.runs.workflow") / "workflow.lark").read_text("utf-8")
    return Lark(text, parser="lalr", start="workflow", transformer=_Statements())


class _Refused(Exception):
    """Raised where the path of the file is not known; `parse` turns it into the public error."""

    def __init__(self, at: Position, reason: str) -> None:
        self.at, self.reason = at, reason
        super().__init__(reason)


class _Statements(Transformer[Token, Digraph]):
    """Builds statements while the parser reduces, so that no tree is built or walked and depth costs no stack.

    Each method receives the children of the rule of its name; an optional child that is absent is None.
    """

    def workflow(self, children: list[Any]) -> Digraph:
        name, body = children
        return Digraph(name=name.text, body=body)

    def body(self, children: list[Any]) -> tuple[Any, ...]:
        return tuple(children)

    def node(self, children: list[Any]) -> NodeStatement:
        node, *attributes = children
        return NodeStatement(node=node, attributes=_given(attributes))

    def edges(self, children: list[Any]) -> EdgeStatement:
        nodes = tuple(child for child in children if isinstance(child, Name))
        return EdgeStatement(nodes=nodes, attributes=_given(children[len(nodes) :]))

    def defaults(self, children: list[Any]) -> AttributeStatement:
        target, *attributes = children
        return AttributeStatement(target=target.value, attributes=tuple(attributes))

    def assignment(self, children: list[Any]) -> AttributeStatement:
        return AttributeStatement(target="graph", attributes=tuple(children))

    def subgraph(self, children: list[Any]) -> Subgraph:
        _, body = children
        return Subgraph(body=body)

    def attribute(self, children: list[Any]) -> Attribute:
        key, value = children
        return Attribute(key, value)

    def name(self, children: list[Token]) -> Name:
        (token,) = children
        text = unquote(token) if token.type == "STRING" else str(token)
        if not text:
            raise _Refused(_at(token), "a name must not be empty")
        return Name(text, _at(token))

    def end(self, children: list[Token]) -> Name:
        (word,) = children
        if word.type == "ID" and word in _KEYWORDS:
            raise _Refused(_at(word), _SUBGRAPH_AS_END if word == "subgraph" else _keyword_as_name(word))
        return self.name(children)

    def value(self, children: list[Token]) -> AttributeValue:
        (token,) = children
        if token.type == "STRING":
            return String(unquote(token))
        try:
            return bare(str(token))
        except OutOfRange:
            raise _Refused(_at(token), "the number is out of range") from None


def _given(attributes: list[Any]) -> tuple[Attribute, ...]:
    return tuple(attribute for attribute in attributes if attribute is not None)


def _at(token: Token) -> Position:
    return Position(token.line or 1, token.column or 1)


def _position(error: UnexpectedInput, seen: list[Token]) -> Position:
    """Where it went wrong; where the text ends too early that is its last symbol."""
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return _at(seen[-1]) if seen else Position(1, 1)
    return Position(max(error.line, 1), max(error.column, 1))


def _reason(error: UnexpectedInput, source: str, seen: list[Token]) -> str:
    """Why the text cannot go on as it does at `error`."""
    rest = source[error.pos_in_stream :][:_LONGEST_SHOWN]
    known = next((reason for prefix, reason in _REASONS if rest.startswith(prefix)), None)
    if not isinstance(error, UnexpectedToken):
        return known or f"unexpected character {rest[:1]!r}"
    token, expected = error.token, error.expected
    before = next((earlier for earlier in reversed(seen) if earlier is not token), None)
    match (before.type if before else None), token.type:
        case None, _:
            return _REASONS_AT_START.get(token.value, "a workflow begins with digraph NAME {")
        case _, "$END":
            return "the text ends before the closing brace of the graph"
        case "DIGRAPH", "LBRACE":
            return "the digraph has no name"
        case "RBRACE", _ if expected <= _END:
            return "a workflow is one digraph; nothing may follow its closing brace"
        case "RBRACE", _ if rest.startswith("->"):
            return _SUBGRAPH_AS_END
        case _, "LBRACE" if before in ("->", "subgraph"):
            return _SUBGRAPH_AS_END
        case (("GRAPH" | "NODE" | "EDGE"), _) if rest.startswith(("->", ";", "=")):
            return _keyword_as_name(str(before))
        case _ if known and not rest.startswith("->") and token.type != "STRING":
            return known
        case _:
            return f"unexpected {_shown(token)}{_wanted(expected)}"


def _shown(token: Token) -> str:
    text = str(token)
    return f'"{text}"' if len(text) <= _LONGEST_SHOWN else f'"{text[: _LONGEST_SHOWN - 3]}..."'


def _keyword_as_name(keyword: str) -> str:
    return f'"{keyword}" is a keyword; quote it to use it as a name'


def _wanted(expected: set[str]) -> str:
    """What could stand there instead, when that is few enough to be of help."""
    names = sorted(_EXPECTED.get(name, _spelling(name)) for name in expected)
    return f"; expected {' or '.join(names)}" if len(names) <= 3 else ""


@cache
def _spellings() -> dict[str, str]:
    return {terminal.name: str(terminal.pattern.value) for terminal in _grammar().terminals}


def _spelling(terminal: str) -> str:
    return f'"{_spellings()[terminal]}"'


def _fail(path: str, at: Position, reason: str) -> NoReturn:
    raise WorkflowSyntaxError(path, at.line, at.column, reason)
