"""Conditions of edges: their syntax (language.md L11). What they mean is in execution.md N3.3."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

OPERATORS = ("=", "!=", ">", "<", ">=", "<=", "contains", "matches")
_VALUE_MAY_BE_MISSING = frozenset({"=", "!="})

_TOKEN = re.compile(
    r'[ \t\r\n]*+(?:(?P<quoted>"[^"\\]*+(?:\\.[^"\\]*+)*+")|(?P<sign>&&|\|\||!=|>=|<=|[=!><&|"])'
    r'|(?P<word>[^ \t\r\n=!><&|"]++))',
    re.DOTALL,
)
_ESCAPE = re.compile(r'\\(["\\])')
MAX_PATTERN_CHARS = 4_096
_REMEMBERED = 256


class ConditionError(ValueError):
    """A text is no condition; says why."""


@dataclass(frozen=True, slots=True)
class Clause:
    """`key op value`, or a key alone."""

    key: str
    operator: str | None
    """One of `OPERATORS`; None: whether the key has a value that counts as true."""
    value: str
    negated: bool


Condition = tuple[tuple[Clause, ...], ...]
"""Alternatives, in each of which every clause has to hold."""


class _Token(NamedTuple):
    kind: str
    text: str

    @property
    def is_word(self) -> bool:
        return self.kind != "sign"

    @property
    def operator(self) -> str | None:
        return self.text if self.kind != "quoted" and self.text in OPERATORS else None


def parse_condition(text: str) -> Condition | None:
    """The condition that a text states; None for a blank one, which states none. Raises `ConditionError`."""
    stated = text.strip(" \t\r\n")
    return _Parser(stated).condition() if stated else None


class _Parser:
    """Descends from alternatives to words, one token ahead."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = next(self._tokens, None)

    def condition(self) -> Condition:
        alternatives = [self._all()]
        while self._take("||"):
            alternatives.append(self._all())
        if self._next is not None:
            raise ConditionError(_stray(self._next))
        return tuple(alternatives)

    def _all(self) -> tuple[Clause, ...]:
        clauses = [self._clause()]
        while self._take("&&"):
            clauses.append(self._clause())
        return tuple(clauses)

    def _clause(self) -> Clause:
        negated = False
        while self._take("!"):
            negated = not negated
        key = self._word("a key")
        operator = self._operator()
        if operator is None:
            return Clause(key, None, "", negated)
        if self._next is None and operator in _VALUE_MAY_BE_MISSING:
            return Clause(key, operator, "", negated)
        value = self._word(f'a value after "{operator}"')
        if operator == "matches":
            _check_pattern(value)
        return Clause(key, operator, value, negated)

    def _operator(self) -> str | None:
        operator = self._next.operator if self._next else None
        if operator is not None:
            self._advance()
        return operator

    def _word(self, expected: str) -> str:
        token = self._next
        if token is None:
            raise ConditionError(f"it ends where {expected} is expected")
        if not token.is_word:
            raise ConditionError(f'"{token.text}" stands where {expected} is expected')
        self._advance()
        return _ESCAPE.sub(r"\1", token.text[1:-1]) if token.kind == "quoted" else token.text

    def _take(self, sign: str) -> bool:
        found = self._next == _Token("sign", sign)
        if found:
            self._advance()
        return found

    def _advance(self) -> None:
        self._next = next(self._tokens, None)


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if match[kind] == '"':
            raise ConditionError('a quoted word is not closed; write \\" for a quote')
        yield _Token(kind, match[kind])


def _stray(token: _Token) -> str:
    if token.text in ("&", "|"):
        return f'a single "{token.text}" joins nothing; write "{token.text * 2}"'
    return f'"{token.text}" is left over; join conditions with "&&" or "||", and quote a word that has blanks or signs'


@lru_cache(_REMEMBERED)
def _check_pattern(pattern: str) -> None:
    if len(pattern) > MAX_PATTERN_CHARS:
        raise ConditionError(f"a regular expression has more than {MAX_PATTERN_CHARS} characters")
    import re2  # loaded with the first pattern: few workflows have one

    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0]
        said = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        raise ConditionError(f'"{pattern}" is no regular expression: {said}') from None
    finally:
        re2.purge()  # it would keep the last 128, however large they are
