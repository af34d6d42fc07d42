"""Reads the text of a workflow file into statements (language.md L2). It knows syntax only; others give it meaning."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, cast

from fabro_core.runs.workflow.lexer import NOT_ENDED, Lexer, Symbol
from fabro_core.runs.workflow.literals import unquote
from fabro_core.runs.workflow.source import Source, WorkflowSyntaxError
from fabro_core.runs.workflow.statements import (
    Attribute,
    AttributeStatement,
    Digraph,
    EdgeStatement,
    Name,
    NodeStatement,
    Statement,
    Subgraph,
)

MAX_SYMBOLS = 20_000
"""Bounds the time that parsing takes, about 2 µs a symbol. A workflow of a thousand nodes stays below."""
MAX_DEPTH = 32
"""Nested braces: those of the graph, and 31 subgraphs."""

KEYWORDS = frozenset({"digraph", "graph", "node", "edge", "subgraph"})
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+(?:\.[A-Za-z_][A-Za-z0-9_]*+)*+")

_REASONS_AT_START = {
    "strict": "strict graphs are not supported; write digraph NAME { .. }",
    "graph": "undirected graphs are not supported; write digraph NAME { .. }",
}
_NO_DIGRAPH = "a workflow begins with digraph NAME {"
_NO_NAME = "the digraph has no name"
_MORE = "a workflow is one digraph; nothing may follow its closing brace"
_SUBGRAPH_AS_END = "a subgraph cannot be the end of an edge"
_A_NAME = "a name or a quoted string"


REMEMBERED_FILES = 64
"""Most runs are of a workflow that was run before, and parsing it is almost half of what compiling costs."""
REMEMBERED_CHARS = 8 * 1024


class SymbolsLeft:
    """How many symbols several files may have together."""

    def __init__(self, number: int) -> None:
        self.number = number


def parse(source: Source, left: SymbolsLeft | None = None) -> Digraph:
    """The statements of a workflow file, which may be shared with other callers. Raises `WorkflowSyntaxError`.

    Whatever is read is taken from `left`, also of a file with a fault; None: the file's own bound is enough.
    """
    if left is None and len(source.text) <= REMEMBERED_CHARS:
        return _remembered(source)
    return _Parser(source, left or SymbolsLeft(MAX_SYMBOLS)).digraph()


@lru_cache(REMEMBERED_FILES)
def _remembered(source: Source) -> Digraph:
    return _Parser(source, SymbolsLeft(MAX_SYMBOLS)).digraph()


class _Parser:
    """Descends from the graph to its attributes, one symbol ahead. Recursion is bounded by `MAX_DEPTH`."""

    def __init__(self, source: Source, left: SymbolsLeft) -> None:
        self._source = source
        self._left = left
        self._lexer = Lexer(source)
        self._next = self._lexer.symbol(0)
        self._last = self._next
        self._symbols = 0
        self._depth = 0

    def digraph(self) -> Digraph:
        if self._next.text != "digraph":
            if self._next.kind == "other":
                raise self._unexpected("digraph")
            raise self._fault(self._next, _REASONS_AT_START.get(self._next.text, _NO_DIGRAPH))
        self._advance()
        if self._next.kind == "{":
            raise self._fault(self._next, _NO_NAME)
        name = self._name(quoted_keywords=True)
        body = self._body()
        if self._next.kind != "end":
            raise self._fault(self._next, _MORE)
        return Digraph(source=self._source, name=name.text, body=body)

    def _body(self) -> tuple[Statement, ...]:
        """`{ .. }`."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fault(self._next, f"subgraphs are nested more than {MAX_DEPTH - 1} deep")
        self._take("{", 'a "{"')
        statements = []
        while self._next.kind != "}":
            if self._next.kind == ";":
                self._advance()
            else:
                statements.append(self._statement())
        self._advance()
        self._depth -= 1
        return tuple(statements)

    def _statement(self) -> Statement:
        if self._next.kind not in ("name", "string"):
            raise self._unexpected("a statement" if self._next.kind != "{" else "the word subgraph before it")
        following = self._lexer.symbol(self._next.end)
        if following.kind == "=":
            return AttributeStatement(target="graph", attributes=(self._attribute(),))
        if self._is_keyword() and following.kind not in ("->", ";", "}"):
            return self._keyword_statement(following)
        name = self._name()
        if self._next.kind == "->":
            return self._edges(name)
        return NodeStatement(node=name, attributes=self._lists())

    def _is_keyword(self) -> bool:
        return self._next.kind == "name" and self._next.text in KEYWORDS

    def _keyword_statement(self, following: Symbol) -> Statement:
        keyword = self._next.text
        if keyword in ("graph", "node", "edge") and following.kind == "[":
            self._advance()
            target = cast(Literal["graph", "node", "edge"], keyword)
            return AttributeStatement(target=target, attributes=self._lists())
        if keyword != "subgraph":
            raise self._fault(self._next, _keyword_as_name(keyword))
        self._advance()
        if self._next.kind != "{":
            self._name(quoted_keywords=True)
        subgraph = Subgraph(body=self._body())
        if self._next.kind == "->":
            raise self._fault(self._next, _SUBGRAPH_AS_END)
        return subgraph

    def _edges(self, first: Name) -> EdgeStatement:
        nodes = [first]
        while self._next.kind == "->":
            self._advance()
            self._refuse_subgraph_as_end()
            nodes.append(self._name())
        return EdgeStatement(nodes=tuple(nodes), attributes=self._lists())

    def _refuse_subgraph_as_end(self) -> None:
        if self._next.kind == "{":
            raise self._fault(self._next, _SUBGRAPH_AS_END)
        if self._is_keyword() and self._next.text == "subgraph":
            following = self._lexer.symbol(self._next.end)
            if following.kind == "{":
                raise self._fault(following, _SUBGRAPH_AS_END)
            if following.kind in ("name", "string") and self._lexer.symbol(following.end).kind == "{":
                raise self._fault(self._next, _SUBGRAPH_AS_END)

    def _lists(self) -> tuple[Attribute, ...]:
        """`[key=value, ..]`, any number of them."""
        attributes = []
        while self._next.kind == "[":
            self._advance()
            while self._next.kind != "]":
                attributes.append(self._attribute())
                if self._next.kind in (",", ";"):
                    self._advance()
            self._advance()
        return tuple(attributes)

    def _attribute(self) -> Attribute:
        symbol = self._next
        key = self._name()
        if symbol.kind == "name" and not _KEY.fullmatch(symbol.text):
            raise self._fault(symbol, f'"{symbol.text}" is no key: names separated by single dots are')
        if self._next.kind != "=":
            raise self._unexpected(f'"=" and a value for "{key.text}"')
        self._count(2)
        value, end = self._lexer.value(self._next.end)
        self._last = self._next
        self._next = self._lexer.symbol(end)
        return Attribute(key, value)

    def _name(self, *, quoted_keywords: bool = False) -> Name:
        """Takes a name; `quoted_keywords`: a keyword has to be quoted here."""
        symbol = self._next
        if symbol.kind == "string":
            text = unquote(symbol.text)
            if not text:
                raise self._fault(symbol, "a name must not be empty")
        elif symbol.kind == "name":
            text = symbol.text
            if quoted_keywords and text in KEYWORDS:
                raise self._fault(symbol, _keyword_as_name(text))
        else:
            raise self._unexpected(_A_NAME)
        self._advance()
        return Name(text, symbol.at)

    def _take(self, kind: str, shown: str) -> None:
        if self._next.kind != kind:
            raise self._unexpected(shown)
        self._advance()

    def _advance(self) -> None:
        if self._next.kind in ("end", "other"):
            raise self._unexpected("")
        self._count()
        self._last = self._next
        self._next = self._lexer.symbol(self._next.end)

    def _count(self, symbols: int = 1) -> None:
        self._symbols += symbols
        if self._symbols > MAX_SYMBOLS:
            raise self._fault(self._next, f"the graph is too large: more than {MAX_SYMBOLS} symbols")
        self._left.number -= symbols
        if self._left.number < 0:
            raise self._fault(self._next, "the imported files have too many symbols together")

    def _unexpected(self, expected: str) -> WorkflowSyntaxError:
        if self._next.kind == "end":
            return self._fault(self._last, NOT_ENDED)
        return self._lexer.unexpected(self._next, expected)

    def _fault(self, symbol: Symbol, reason: str) -> WorkflowSyntaxError:
        return self._source.fault(symbol.at, reason)


def _keyword_as_name(keyword: str) -> str:
    return f'"{keyword}" is a keyword; quote it to use it as a name'
