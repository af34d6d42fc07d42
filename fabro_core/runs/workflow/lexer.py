"""The symbols of a workflow file (language.md L1).

Written by hand rather than with a parser library: what a bare word may be depends on where it stands, each fault has a
reason of its own, and every pattern here takes possessive steps, so that reading any text takes time in proportion to
its length.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from fabro_core.runs.workflow.literals import OutOfRange, bare, unquote
from fabro_core.runs.workflow.source import Source, WorkflowSyntaxError
from fabro_core.runs.workflow.statements import Value

_BLANKS = re.compile(r"(?:[ \t\r\n]++|//[^\n]*+|/\*[^*]*+(?:\*(?!/)[^*]*+)*+\*/)*+")
_SYMBOL = re.compile(
    r'(?P<name>[A-Za-z_][A-Za-z0-9_.]*+)|(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")|(?P<sign>->|[{}\[\]=;,])', re.DOTALL
)
_WORD = re.compile(r'(?:[^ \t\r\n"\[\]{},;=/]|/(?![/*]))++')
_RUN = re.compile(r"[^ \t\r\n]++")

NOT_ENDED = "the text ends before the closing brace of the graph"
_LONGEST_SHOWN = 40
"""Characters of a symbol that a message repeats."""

_NOT_CLOSED = (('"', "the quoted string is not closed"), ("/*", "the comment is not closed"))
_HTML = ("<", "HTML strings are not supported; use a quoted string")
_REASONS = (
    *_NOT_CLOSED,
    _HTML,
    ("--", "undirected edges (--) are not supported; write ->"),
    (":", "ports are not supported; quote a name that contains a colon"),
    ("+", "strings cannot be joined with +; write one quoted string"),
    ("-", "a name cannot contain -; quote it"),
)
"""Why a text that begins like this cannot stand where it was met; the first match counts."""


class Symbol(NamedTuple):
    """A piece of the text that means something."""

    kind: str
    """`name`, `string`, a sign itself, `end` of the text, or `other`: no symbol begins here."""
    text: str
    at: int
    """Offset of its first character."""
    end: int
    """Offset behind its last one."""


class Lexer:
    """Reads symbols wherever it is asked to, and says what is wrong where none can be read."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def symbol(self, after: int) -> Symbol:
        """The first symbol at or behind an offset."""
        text = self.source.text
        blanks = _BLANKS.match(text, after)
        at = blanks.end() if blanks else after
        match = _SYMBOL.match(text, at)
        if match is None:
            return Symbol("end" if at == len(text) else "other", text[at : at + 1], at, at + 1)
        kind = match[0] if match.lastgroup == "sign" else match.lastgroup
        return Symbol(kind or "", match[0], at, match.end())

    def value(self, after: int) -> tuple[Value, int]:
        """The value at or behind an offset, and the offset behind it. Raises `WorkflowSyntaxError`."""
        symbol = self.symbol(after)
        if symbol.kind == "string":
            return Value(unquote(symbol.text), True, symbol.at), symbol.end
        if symbol.kind == "end":
            raise self.source.fault(after - 1, NOT_ENDED)
        word = _WORD.match(self.source.text, symbol.at)
        if word is None:
            raise self.unexpected(symbol, "a value")
        try:
            known = bare(word[0])
        except OutOfRange:
            raise self.source.fault(symbol.at, "the number is out of range; it has to fit into 64 bits") from None
        if known is None:
            raise self._unquoted(symbol.at)
        return Value(word[0], False, symbol.at), word.end()

    def unexpected(self, symbol: Symbol, expected: str = "") -> WorkflowSyntaxError:
        """What is wrong with a symbol that cannot stand where it does; `expected` names what could."""
        rest = self.source.text[symbol.at : symbol.at + _LONGEST_SHOWN]
        if symbol.kind == "other":
            return self.source.fault(symbol.at, _known(rest, _REASONS) or _unknown(rest))
        wanted = f"; expected {expected}" if expected else ""
        return self.source.fault(symbol.at, f"unexpected {_shown(symbol.text)}{wanted}")

    def _unquoted(self, at: int) -> WorkflowSyntaxError:
        run = _RUN.match(self.source.text, at)
        text = run[0].rstrip("];,") if run else ""
        reason = f"{_shown(text)} must be quoted: it is neither a word nor a number nor a duration"
        if re.fullmatch(r"\+[0-9]{1,19}", text):
            reason += f"; for the number write {text[1:]}"
        reason = _known(text, (_HTML,)) or reason
        return self.source.fault(at, reason)


def _known(rest: str, reasons: tuple[tuple[str, str], ...]) -> str | None:
    return next((reason for prefix, reason in reasons if rest.startswith(prefix)), None)


def _unknown(rest: str) -> str:
    run = re.match(r"[A-Za-z0-9_.]+", rest)
    return f"unexpected {_shown(run[0])}" if run else f"unexpected character {rest[:1]!r}"


def _shown(text: str) -> str:
    return f'"{text}"' if len(text) <= _LONGEST_SHOWN else f'"{text[: _LONGEST_SHOWN - 3]}..."'
